"""The sweeper: jobs of dead workers, lost doorbells, and files nobody needs."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from sqlalchemy import update
from sqlmodel import col

from storage import db, garbage
from storage.jobs import jobs, leases, queue, worker_rows, workspaces
from storage.models import Job, User, Worker
from storage.settings import settings
from workers import sweeper


def dead_worker(user: User) -> Worker:
    """A worker of this machine whose process has ended."""
    code = "from storage.jobs import worker_rows as w; print(w.register(device='cpu', slots=1).id)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    with db.reading() as session:
        return session.get_one(Worker, ended.stdout.strip())


def store_worker(worker_id: str) -> Worker:
    """The row of a worker that was seen just now."""
    with db.writing() as session:
        at = db.clock(session)
        row = Worker(id=worker_id, host="there", pid=1, device="cpu", slots=1, started_at=at, seen_at=at)
        session.add(row)
    return row


def test_jobs_of_a_dead_worker_on_this_machine_wait_again_at_once(studio: User) -> None:
    worker = dead_worker(studio)
    job = jobs.submit(studio, name="x", kind="evaluate", spec={})
    assert leases.claim(worker)
    sweeper.sweep()
    assert jobs.get(studio, job.id).state == "QUEUED"
    assert worker_rows.alive() == []


def test_live_workers_and_those_elsewhere_are_left_alone(studio: User) -> None:
    mine = worker_rows.register(device="cpu", slots=1)
    elsewhere = store_worker("another-1-99999999-0")
    for worker in (mine, elsewhere):
        jobs.submit(studio, name="x", kind="evaluate", spec={})
        assert leases.claim(worker)
    sweeper.sweep()
    assert {job.state for job in jobs.of_user(studio)} == {"RUNNING"}
    assert {worker.id for worker in worker_rows.alive()} == {mine.id, elsewhere.id}


def test_a_process_that_got_the_dead_ones_number_is_not_taken_for_it(studio: User) -> None:
    mine = worker_rows.register(device="cpu", slots=1)
    *machine, pid, _started = mine.id.split("-")
    old = store_worker("-".join([*machine, pid, "1"]))
    assert worker_rows.dead_here() == [old.id]


def test_a_row_is_fresh_only_for_a_while_and_comes_back(studio: User) -> None:
    worker = worker_rows.register(device="cpu", slots=1)
    with db.writing() as session:
        session.exec(update(Worker).values(seen_at=Worker.seen_at - worker_rows.ALIVE_S - 1))
    assert worker_rows.alive() == []
    worker_rows.touch(worker, busy=1)
    assert [row.busy for row in worker_rows.alive()] == [1]
    worker_rows.leave(worker)
    assert worker_rows.alive() == []
    worker_rows.touch(worker)
    assert len(worker_rows.alive()) == 1


def test_lost_doorbells_ring_again(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.submit(studio, name="x", kind="evaluate", spec={})
    with db.writing() as session:
        session.exec(update(Job).where(col(Job.id) == job.id).values(rung_at=0.0))
    rung: list[str] = []
    monkeypatch.setattr(queue, "ring", lambda job_id: rung.append(job_id) or True)
    sweeper.sweep()
    sweeper.sweep()
    assert rung == [job.id]


def test_what_nothing_refers_to_is_removed_after_a_day(studio: User) -> None:
    orphan = settings().files / "artifacts" / "gone" / "1"
    orphan.mkdir(parents=True)
    ended, failed, running = (jobs.submit(studio, name=n, kind="evaluate", spec={}) for n in "abc")
    for job in (ended, failed, running):
        workspaces.staging(job.id, 1).mkdir(parents=True)
        workspaces.checkpoints(job.id).mkdir(parents=True)
        workspaces.log_path(job.id, 1).write_text("log")
    jobs.cancel(studio, ended.id)
    lease = leases.claim(worker_rows.register(device="cpu", slots=1), failed.id)
    assert lease
    leases.fail(lease, "x", "x")
    assert set(garbage.collect()) == {workspaces.checkpoints(ended.id), workspaces.staging(ended.id, 1)}
    assert orphan.is_dir()
    assert workspaces.checkpoints(failed.id).is_dir()
    time.sleep(0.05)
    assert orphan in garbage.collect(older_than_s=0.01)
    assert not workspaces.checkpoints(failed.id).exists()
    assert workspaces.checkpoints(running.id).is_dir()
    assert workspaces.log_path(ended.id, 1).read_text() == "log"


def test_nothing_ends_the_sweepers_thread(caplog: pytest.LogCaptureFixture) -> None:
    sweeper._guarded(lambda: os.stat("/nowhere/at/all") and None)
    assert "continues" in caplog.text
