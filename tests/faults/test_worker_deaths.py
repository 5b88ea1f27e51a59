"""Workers and children that are killed at the worst moments."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from storage import garbage
from storage.gallery import artifacts
from storage.settings import settings
from tests.faults.conftest import LONG_LEASE, House, files_of, until


def kill(worker: psutil.Process) -> None:
    worker.kill()
    worker.wait()


def test_killed_before_it_claims(house: House) -> None:
    kill(house.start())
    job = house.submit()
    assert house.job(job).state == "QUEUED"
    house.start()
    assert house.reaches(job, "SUCCEEDED").attempt == 1


@pytest.mark.servers
def test_killed_after_the_claim_before_the_child(house: House) -> None:
    worker = house.start("--pause", "claimed")
    job = house.submit()
    house.pauses()
    assert house.job(job).state == "RUNNING"
    kill(worker)
    house.start()
    assert house.reaches(job, "SUCCEEDED").attempt == 2


@pytest.mark.servers
def test_killed_in_training(house: House) -> None:
    worker = house.start()
    job = house.submit("steps=60 step_s=0.05 save=10")
    until(lambda: house.job(job).checkpoint_step >= 20, "a second checkpoint")
    kill(worker)
    house.start()
    house.reaches(job, "SUCCEEDED")
    first, second = house.attempts(job)
    assert first.outcome == "lease_expired"
    assert first.start_step == 0
    assert second.start_step is not None
    assert second.start_step >= 20


def test_killed_in_a_checkpoint(house: House) -> None:
    worker = house.start()
    job = house.submit("steps=20 save=10 pause=checkpoint")
    house.pauses(job)
    until(lambda: house.attempts(job)[0].start_step == 0, "where the attempt started is stored")
    kill(worker)
    house.start()
    house.reaches(job, "SUCCEEDED")
    assert [attempt.start_step for attempt in house.attempts(job)] == [0, 10]


def test_killed_when_staged_but_not_published(house: House) -> None:
    worker = house.start()
    job = house.submit("pause=staged")
    house.pauses(job)
    kill(worker)
    house.start()
    assert house.reaches(job, "SUCCEEDED").attempt == 2
    until(lambda: not list(files_of(job.id).glob("staging-*")), "staging is cleared away")


def test_killed_between_the_move_and_the_row(house: House) -> None:
    worker = house.start("--pause", "renamed")
    job = house.submit()
    house.pauses()
    orphan = settings().files / "artifacts" / job.id / "1"
    assert orphan.is_dir()
    assert artifacts.of_user(house.user) == []
    kill(worker)
    house.start()
    house.reaches(job, "SUCCEEDED")
    (published,) = artifacts.of_user(house.user)
    assert published.attempt == 2
    garbage.collect(older_than_s=-1)
    assert not orphan.exists()
    assert artifacts.folder(published).is_dir()


def test_killed_just_after_the_row(house: House) -> None:
    worker = house.start("--pause", "published")
    job = house.submit()
    house.pauses()
    kill(worker)
    assert house.job(job).state == "SUCCEEDED"
    house.start()
    after = house.submit()
    house.reaches(after, "SUCCEEDED")
    assert house.job(job).attempt == 1
    until(lambda: not list(files_of(job.id).glob("staging-*")), "the workspace is cleared away")


def test_a_killed_child_is_tried_once_more(house: House) -> None:
    house.start(**LONG_LEASE)
    job = house.submit("steps=20 save=10 kill_at=15")
    house.reaches(job, "SUCCEEDED")
    first, second = house.attempts(job)
    assert first.outcome == "out_of_memory_or_killed"
    assert second.start_step == 10


def test_a_child_killed_twice_without_progress_fails_with_advice(house: House) -> None:
    worker = house.start(**LONG_LEASE)
    job = house.submit("kill_at=2 kills=9")
    failed = house.reaches(job, "FAILED")
    assert failed.error_code == "out_of_memory_or_killed"
    assert failed.attempt == 2
    assert "memory" in (failed.error or "")
    assert "fewer rows" in (failed.remedy or "")
    house.reaches(house.submit(), "SUCCEEDED")
    assert worker.is_running()


def test_a_child_outlives_its_worker_by_seconds_only(house: House) -> None:
    worker = house.start()
    job = house.submit("steps=1000 step_s=0.05")
    pid = house.child_pid(job)
    kill(worker)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", "the child exits", 5)


def test_a_silent_child_is_killed_and_its_job_ends(house: House) -> None:
    house.start(STUDIO_STALL_S="1", **LONG_LEASE)
    job = house.submit("hang_at=2")
    failed = house.reaches(job, "FAILED")
    assert (failed.error_code, failed.attempt) == ("stalled", 2)


@pytest.mark.servers
def test_a_frozen_worker_publishes_nothing(house: House) -> None:
    frozen = house.start()
    job = house.submit("steps=30 step_s=0.1 save=5")
    until(lambda: house.job(job).checkpoint_step >= 5, "a checkpoint")
    house.freeze(frozen)
    house.start()
    until(lambda: house.job(job).attempt == 2, "another worker takes over", 20)
    frozen.send_signal(signal.SIGCONT)
    assert house.reaches(job, "SUCCEEDED").attempt == 2
    until(lambda: "lost its lease" in house.log(frozen), "the first worker notices")
    house.reaches(house.submit(), "SUCCEEDED")
    assert len(artifacts.of_user(house.user)) == 2


@pytest.mark.servers
def test_everything_dies_at_once(house: House) -> None:
    first, second = house.start(), house.start()
    running = [house.submit("steps=40 step_s=0.05 save=5") for _ in range(2)]
    waiting = house.submit()
    for job in running:
        until(lambda job=job: house.job(job).checkpoint_step >= 5, "a checkpoint")
    family = [p.pid for w in (first, second) for p in w.children(recursive=True)]
    for pid in (first.pid, second.pid, *family):
        os.kill(pid, signal.SIGKILL)
    first.wait()
    second.wait()
    if house.redis:
        house.redis.client.flushall()
    house.start()
    for job in running:
        house.reaches(job, "SUCCEEDED")
        assert (house.attempts(job)[-1].start_step or 0) >= 5
    house.reaches(waiting, "SUCCEEDED")


@pytest.mark.servers
def test_a_job_that_kills_its_workers_ends(house: House) -> None:
    job = house.submit()
    for attempt in (1, 2, 3):
        worker = house.start("--pause", "claimed")
        until(lambda attempt=attempt: house.job(job).attempt == attempt, "the next attempt")
        kill(worker)
    house.start()
    assert house.reaches(job, "FAILED").error_code == "crash_loop"
