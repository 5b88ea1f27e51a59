"""Brokers that lose, repeat, garble or are not there: the jobs run all the same, once."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from sqlmodel import select

from storage import db
from storage.jobs import jobs, queue
from storage.models import Job, JobAttempt
from templates.errors import Conflict
from tests.conftest import forget_caches
from tests.faults.conftest import LONG_LEASE, House, until


def lose_messages(house: House) -> None:
    if house.redis:
        house.redis.client.flushall()
    else:
        for file in house.root.glob("broker.db*"):
            file.unlink()


def test_doorbells_that_are_lost(house: House) -> None:
    before = [house.submit() for _ in range(3)]
    lose_messages(house)
    house.start()
    for job in before:
        house.reaches(job, "SUCCEEDED")
    lose_messages(house)
    after = [house.submit() for _ in range(3)]
    for job in after:
        house.reaches(job, "SUCCEEDED")


def test_a_broker_that_restarts(house: House) -> None:
    house.start()
    house.reaches(house.submit(), "SUCCEEDED")
    if house.redis:
        house.redis.stop()
        while_down = house.submit()
        house.reaches(while_down, "SUCCEEDED")
        house.redis.start()
    else:
        (house.root / "broker.db").write_bytes(b"not a database any more")
        while_down = house.submit()
        house.reaches(while_down, "SUCCEEDED")
    house.reaches(house.submit(), "SUCCEEDED")


@pytest.mark.long
def test_no_broker_from_the_start(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "redis://127.0.0.1:1/0" if house.redis else "studio+sqlite:////nowhere/broker.db"
    monkeypatch.setenv("STUDIO_BROKER_URL", nowhere)
    forget_caches()
    started = time.monotonic()
    job = house.submit()
    assert time.monotonic() - started < 5
    assert house.job(job).state == "QUEUED"
    house.start()
    house.reaches(job, "SUCCEEDED")


@pytest.mark.long
def test_the_same_doorbell_five_times(house: House) -> None:
    job = house.submit()
    for _ in range(5):
        assert queue.ring(job.id)
    house.start(**LONG_LEASE)
    house.reaches(job, "SUCCEEDED")
    house.reaches(house.submit(), "SUCCEEDED")
    assert len(house.attempts(job)) == 1


@pytest.mark.long
def test_a_message_that_makes_no_sense(house: House) -> None:
    worker = house.start()
    house.reaches(house.submit(), "SUCCEEDED")
    queue.celery().send_task(queue.RUN_JOB, args=["a", "b", {"c": 1}])
    queue.celery().send_task("no.such.task")
    if house.redis:
        house.redis.client.lpush("studio", b"\x00 not JSON")
    else:
        with sqlite3.connect(house.root / "broker.db") as broker:
            broker.execute("UPDATE kombu_message SET payload = '{', visible = 1 WHERE id = 1")
    for _ in range(2):
        house.reaches(house.submit(), "SUCCEEDED")
    assert worker.is_running()


@pytest.mark.servers
@pytest.mark.parametrize("n_jobs", [8, pytest.param(200, marks=pytest.mark.long)])
def test_two_workers_race_for_many_jobs(house: House, n_jobs: int) -> None:
    made = [house.submit("steps=1 step_s=0") for _ in range(n_jobs // 2)]
    house.start(**LONG_LEASE, STUDIO_WORKER_WARM="0")
    house.start(**LONG_LEASE, STUDIO_WORKER_WARM="0")
    made += [house.submit("steps=1 step_s=0") for _ in range(n_jobs // 2)]  # one may have done the first half by now

    def waiting() -> int:
        with db.reading() as session:
            return len(session.exec(select(Job.id).where(Job.state != "SUCCEEDED")).all())

    until(lambda: waiting() == 0, f"all {n_jobs} succeed", 180)
    with db.reading() as session:
        attempts = session.exec(select(JobAttempt)).all()
    assert [attempt for attempt in attempts if attempt.outcome != "succeeded"] == []
    assert sorted(attempt.job_id for attempt in attempts) == sorted(job.id for job in made)
    assert len({attempt.worker for attempt in attempts}) == 2


@pytest.mark.servers
def test_a_double_click_makes_one_job(house: House) -> None:
    spec = {"recipe": house.recipe}

    def submit(name: str) -> Job:
        return jobs.submit(house.user, name=name, kind="train", spec=spec, idem_key="k", inputs=house.inputs())

    made = {submit("x").id for _ in range(3)}
    assert len(made) == 1
    with pytest.raises(Conflict, match="a different job"):
        submit("y")


def test_the_submitting_process_dies_during_training(house: House) -> None:
    worker = house.start(**LONG_LEASE)
    job = house.submit("steps=30 step_s=0.05")
    watcher = subprocess.Popen(
        [sys.executable, "-c", "from storage.jobs import queue; queue.ring('x'); input()"], stdin=-1
    )
    until(lambda: house.job(job).step > 3, "it trains")
    watcher.send_signal(signal.SIGKILL)
    watcher.wait()
    assert house.reaches(job, "SUCCEEDED").attempt == 1
    assert worker.is_running()
