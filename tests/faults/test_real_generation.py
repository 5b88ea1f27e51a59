"""Deaths in the middle of a real generation: child killed, worker killed, and it ends with one whole dataset."""

from __future__ import annotations

import io
import os
import signal

import psutil
import pytest

from storage import job_inputs
from storage.data import datasets, uploads
from storage.models import User
from storage.planning import generations
from templates.roles import Role
from tests.faults.conftest import House, until

N = 160


def prompts(user: User) -> None:
    rows = b"".join(b'{"prompt": "Colour %d? %s", "completion": "blue"}\n' % (i, b"very " * (i % 9)) for i in range(N))
    datasets.add(user, uploads.save(user, "colours.jsonl", io.BytesIO(rows)), name="colours")


@pytest.mark.long
@pytest.mark.parametrize("house", ["embedded"], indirect=True)
def test_killed_child_then_killed_worker(house: House) -> None:
    prompts(house.user)
    settings = {"max_new_tokens": 48, "temperature": 1.0}
    worker = house.start("--real")
    job = generations.submit(house.user, model="studio-nano", dataset="colours", name="answers", settings=settings)
    until(lambda: house.job(job).step > 0, "the first answers", 120)
    os.kill(_busiest_child(worker.pid), signal.SIGKILL)
    until(lambda: house.job(job).attempt == 2, "the worker goes on by itself", 60)
    reached = house.job(job).step
    until(lambda: house.job(job).step > reached, "the second attempt gets further", 120)
    worker.kill()
    worker.wait()
    house.start("--real")
    done = house.reaches(job, "SUCCEEDED", 180)
    assert done.step == N
    starts = [attempt.start_step or 0 for attempt in house.attempts(job)]
    assert starts[0] == 0
    assert 0 < starts[1] < starts[2]
    made = datasets.made_by(house.user, job.id)
    assert made is not None
    rows = datasets.rows(made)
    assert len(rows) == made.n_rows == len({row["source_row"] for row in rows})
    assert made.n_rows + (done.result or {})["n_empty"] == N
    used = job_inputs.of_job(job.id)
    assert [thing.name for thing in (*used.all(Role.MODEL), *used.all(Role.PROMPTS))] == ["studio-nano", "colours"]


def _busiest_child(worker: int) -> int:
    """The child at work: the spare sleeps."""
    return max(psutil.Process(worker).children(), key=lambda p: p.cpu_times().user).pid
