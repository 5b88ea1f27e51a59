"""Slots: warm spares, no more jobs than slots, and giving back when told to drain."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import db, files
from storage.bases import base_models
from storage.jobs import jobs, worker_rows, workspaces
from storage.models import Dataset, Job, JobInput, User
from templates import recipe
from workers import slots as slots_module
from workers.slots import Slots

SCRIPTED = (sys.executable, "-I", "-S", str(Path(__file__).parent.parent / "faults" / "scripted_child.py"))


def wait(holds: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def make_slots(studio: User) -> Iterator[Callable[..., Slots]]:
    """Slots of a worker that is there, drained in the end."""
    made: list[Slots] = []

    def make(n: int = 1, command: tuple[str, ...] = SCRIPTED) -> Slots:
        worker = worker_rows.register(device="cpu", slots=n)
        made.append(Slots(worker, command, [None] * n))
        return made[-1]

    yield make
    for slots in made:
        slots.drain()
        assert slots.wait_idle(20)


@pytest.fixture
def submit(studio: User, store_rows: str) -> Callable[..., Job]:
    """Submit a job for the scripted child: its name is the script."""
    base = base_models.of_user(studio)[0]
    spec: dict[str, Any] = {"recipe": recipe.compose("sft", "lora").model_dump(mode="json")}

    def inputs() -> list[JobInput]:
        return [JobInput(role="base", base_model_id=base.id), JobInput(role="training", dataset_id=store_rows)]

    def submit(script: str = "steps=2") -> Job:
        return jobs.submit(studio, name=script, kind="train", spec=spec, inputs=inputs())

    return submit


@pytest.fixture
def store_rows(studio: User) -> str:
    """A dataset's id."""
    sha256, _ = files.put_blob(io.BytesIO(b"rows"))
    data = Dataset(
        owner_id=studio.id, name="rows", shape="text", source_filename="rows.txt", sha256=sha256, mapping={},
        n_rows=1, n_held_out=0, split_seed=1, created_at=0,
    )  # fmt: skip
    with db.writing() as session:
        session.add(data)
    return data.id


def state(user: User, job: Job) -> str:
    return jobs.get(user, job.id).state


def test_everything_that_waits_is_worked_off(
    studio: User, make_slots: Callable[..., Slots], submit: Callable[..., Job]
) -> None:
    made = [submit() for _ in range(3)]
    make_slots().work_off(made[1].id)
    assert [state(studio, job) for job in made] == ["SUCCEEDED"] * 3
    started = [jobs.get(studio, job.id).started_at or 0 for job in made]
    assert started[1] < started[0] < started[2]


def test_no_more_jobs_at_once_than_slots(
    studio: User, make_slots: Callable[..., Slots], submit: Callable[..., Job]
) -> None:
    slots = make_slots(2)
    made = [submit("steps=40 step_s=0.02") for _ in range(3)]
    threads = [threading.Thread(target=slots.work_off) for _ in range(5)]
    for thread in threads:
        thread.start()
    wait(lambda: sorted(state(studio, job) for job in made) == ["QUEUED", "RUNNING", "RUNNING"])
    assert (slots.busy, slots.n_free) == (2, 0)
    for thread in threads:
        thread.join()
    assert [state(studio, job) for job in made] == ["SUCCEEDED"] * 3
    assert slots.busy == 0


def test_a_spare_is_kept_warm_and_used(
    studio: User, make_slots: Callable[..., Slots], submit: Callable[..., Job], tmp_path: Path
) -> None:
    slots = make_slots()
    assert not slots.is_ready
    slots.keep_warm()
    wait(lambda: slots.is_ready)
    spare = slots._all[0].spare
    assert spare
    job = submit()
    slots.work_off()
    assert f"pid {spare.pid}" in (_log(job)).read_text()
    assert not slots.is_ready
    slots.keep_warm()
    wait(lambda: slots.is_ready)


def _log(job: Job) -> Path:
    return workspaces.log_path(job.id, 1)


def test_a_dead_spare_is_not_used(studio: User, make_slots: Callable[..., Slots], submit: Callable[..., Job]) -> None:
    slots = make_slots()
    slots.keep_warm()
    spare = slots._all[0].spare
    assert spare
    spare.kill()
    wait(lambda: not spare.alive)
    job = submit()
    slots.work_off()
    assert jobs.get(studio, job.id).attempt == 1


def test_a_child_that_never_starts_is_reported(
    studio: User, make_slots: Callable[..., Slots], submit: Callable[..., Job]
) -> None:
    broken = make_slots(command=(sys.executable, "-c", "raise SystemExit('no module named torch')"))
    job = submit()
    broken.work_off()
    failed = jobs.get(studio, job.id)
    assert (failed.state, failed.error_code, failed.attempt) == ("FAILED", "did_not_start", 2)
    assert "no module named torch" in (failed.error or "")
    assert "doctor" in (failed.remedy or "")


def test_broken_spares_are_not_spawned_without_end(
    make_slots: Callable[..., Slots], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = make_slots(command=(sys.executable, "-c", "pass"))
    broken.keep_warm()
    first = broken._all[0].spare
    assert first
    wait(lambda: not first.alive)
    broken.keep_warm()
    broken.keep_warm()
    assert broken._all[0].spare is None


def test_a_fault_of_the_worker_ends_the_job_in_words(
    studio: User, make_slots: Callable[..., Slots], submit: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots_module.orders, "of", lambda *_: 1 / 0)
    job = submit()
    make_slots().work_off()
    failed = jobs.get(studio, job.id)
    assert (failed.state, failed.error_code) == ("FAILED", "internal")
    assert "ZeroDivisionError" in (failed.error or "")


def test_a_full_disk_ends_the_job_with_what_is_free(
    studio: User, make_slots: Callable[..., Slots], submit: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def order(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(slots_module.orders, "of", order)
    job = submit()
    make_slots().work_off()
    failed = jobs.get(studio, job.id)
    assert (failed.state, failed.error_code) == ("FAILED", "disk_full")
    assert re.fullmatch(r"The studio's disk is full: .* free\.", failed.error or "")
    assert failed.remedy == "Make room on the studio's disk, then retry the job."


def test_draining_gives_running_jobs_back(
    studio: User, make_slots: Callable[..., Slots], submit: Callable[..., Job]
) -> None:
    slots = make_slots()
    job, next_job = submit("steps=1000 step_s=0.02"), submit()
    working = threading.Thread(target=slots.work_off)
    working.start()
    wait(lambda: jobs.get(studio, job.id).step > 0)
    slots.drain()
    assert slots.wait_idle(20)
    working.join()
    given_back = jobs.get(studio, job.id)
    assert (given_back.state, given_back.stuck_attempts) == ("QUEUED", 0)
    assert given_back.checkpoint_step > 0
    assert state(studio, next_job) == "QUEUED"
    slots.work_off()
    assert state(studio, next_job) == "QUEUED"


def test_the_daemon_imports_no_torch() -> None:
    code = (
        "import sys, workers.daemon; print([m for m in ('torch', 'transformers', 'peft', 'trl') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
