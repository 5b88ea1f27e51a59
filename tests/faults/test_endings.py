"""Cancelling, draining, locked databases and missing inputs: each job comes to exactly one right end."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from storage import db
from storage.gallery import artifacts
from storage.jobs import events, jobs, worker_rows, workspaces
from storage.models import Dataset
from storage.settings import settings
from templates.errors import Conflict
from tests.faults.conftest import LONG_LEASE, House, files_of, until


def test_cancelled_while_it_waits(house: House) -> None:
    job = house.submit()
    assert jobs.cancel(house.user, job.id).state == "CANCELLED"
    house.start()
    house.reaches(house.submit(), "SUCCEEDED")
    assert house.job(job).attempt == 0


@pytest.mark.servers
def test_cancelled_between_claim_and_child(house: House) -> None:
    house.start("--pause", "claimed")
    job = house.submit("steps=1000 step_s=0.05")
    house.pauses()
    jobs.cancel(house.user, job.id)
    house.workers[0].kill()
    house.workers[0].wait()
    house.start()
    assert house.reaches(job, "CANCELLED").attempt == 1


@pytest.mark.parametrize("manners", ["", " deaf"], ids=["obeys", "deaf"])
def test_cancelled_in_training(house: House, manners: str) -> None:
    house.start()
    job = house.submit("steps=1000 step_s=0.05" + manners)
    until(lambda: house.job(job).checkpoint_step > 0, "a checkpoint")
    jobs.cancel(house.user, job.id)
    house.reaches(job, "CANCELLED")
    until(lambda: not workspaces.checkpoints(job.id).exists(), "its checkpoints are removed")
    assert artifacts.of_user(house.user) == []
    with pytest.raises(Conflict, match="already finished"):
        jobs.cancel(house.user, job.id)


def test_stopped_and_kept(house: House) -> None:
    house.start()
    job = house.submit("steps=1000 step_s=0.05")
    until(lambda: house.job(job).step > 3, "it trains")
    jobs.cancel(house.user, job.id, keep=True)
    assert house.reaches(job, "SUCCEEDED").step < 1000
    assert len(artifacts.of_user(house.user)) == 1


@pytest.mark.servers
def test_cancelled_in_publishing(house: House) -> None:
    house.start("--pause", "renamed")
    job = house.submit()
    house.pauses()
    jobs.cancel(house.user, job.id)
    house.workers[0].kill()
    house.workers[0].wait()
    house.start()
    house.reaches(job, "CANCELLED")
    assert artifacts.of_user(house.user) == []


def test_a_worker_told_to_stop_gives_its_job_back(house: House) -> None:
    worker = house.start(**LONG_LEASE)
    job = house.submit("steps=60 step_s=0.05 save=1000")
    until(lambda: house.job(job).step >= 10, "it trains")
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    worker.wait(30)
    assert time.monotonic() - asked < 30
    assert "exit status 0" in house.log(worker)
    assert (house.job(job).state, house.job(job).stuck_attempts) == ("QUEUED", 0)
    assert worker_rows.alive() == []
    house.start(**LONG_LEASE)
    house.reaches(job, "SUCCEEDED")
    first, second = house.attempts(job)
    assert first.outcome == "drained"
    assert (second.start_step or 0) >= 10


@contextmanager
def locked(house: House) -> Iterator[None]:
    """Nobody else can write to the database."""
    if house.redis is None:
        connection = sqlite3.connect(house.root / "studio.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
    else:
        address = db.engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg.connect(address)
        connection.execute("LOCK TABLE job IN EXCLUSIVE MODE")
    yield
    connection.rollback()
    connection.close()


@pytest.mark.servers
@pytest.mark.parametrize("locked_s", [1, 5], ids=["briefly", "beyond the lease"])
def test_a_locked_database_loses_nothing(house: House, locked_s: float) -> None:
    house.start(**(LONG_LEASE if locked_s < settings().self_fence_s else {}))
    job = house.submit("steps=150 step_s=0.05 save=5")
    until(lambda: house.job(job).checkpoint_step >= 5, "a checkpoint")
    pid = house.child_pid(job)
    with locked(house):
        time.sleep(locked_s)
    done = house.reaches(job, "SUCCEEDED")
    if locked_s < settings().self_fence_s:
        assert done.attempt == 1
    else:
        assert done.attempt >= 2, "a third one if the cores are busy: the lease is short"
        assert house.child_pid(job, 2) != pid
        assert (house.attempts(job)[1].start_step or 0) >= 5


def test_what_was_deleted_meanwhile_is_named(house: House) -> None:
    job = house.submit()
    with db.writing() as session:
        session.get_one(Dataset, house.dataset_id).deleted_at = 1.0
    house.start()
    failed = house.reaches(job, "FAILED")
    assert failed.error_code == "dataset_missing"
    assert "rows.csv" in (failed.error or "")


def test_a_job_of_another_version_asks_to_be_submitted_again(house: House) -> None:
    house.recipe = {"objective": "sft", "method": "lora", "rank": 4}
    job = house.submit()
    house.start()
    failed = house.reaches(job, "FAILED")
    assert failed.error_code == "old_job"
    assert "again" in (failed.remedy or "")


def test_the_history_tells_it_all(house: House) -> None:
    house.start(**LONG_LEASE)
    job = house.submit("steps=10 save=5")
    house.reaches(job, "SUCCEEDED")
    kinds = [event.kind for event in events.of_job(job.id)]
    assert kinds[:2] == ["submitted", "claimed"]
    assert kinds[-1] == "published"
    assert {"stage", "planned", "checkpoint"} <= set(kinds)
    assert [point.step for point in events.metrics(job.id)] == list(range(1, 11))
    assert files_of(job.id).is_dir()
