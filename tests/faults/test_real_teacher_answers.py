"""Deaths while a teacher answers inside a training: nothing that was sealed is asked again, and the teacher stays."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import psutil
import pytest

from storage.bases import base_models, deletions
from storage.data import datasets, uploads
from storage.jobs import workspaces
from storage.models import Job
from storage.planning import training
from templates.errors import Conflict
from templates.spec import WRITING
from tests.faults.conftest import House, until
from workers.distillation.written_answers import ANSWERS

N = 220
SETTINGS = {
    "max_steps": 12,
    "per_device_train_batch_size": 4,
    "max_length": 96,
    "r": 4,
    "max_new_tokens": 64,
    "teacher_temperature": 1.0,
    "filters": [],
}
UNHURRIED = {"STUDIO_EVAL_ROWS": "2", "STUDIO_OWN_PROMPTS": "0", "STUDIO_LEASE_S": "15", "STUDIO_SELF_FENCE_S": "12"}
"""Both cores are busy: with a shorter lease, a live worker can lose its job."""


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("house", ["embedded"], indirect=True)
def test_killed_child_then_killed_worker(house: House, tiny_model_folder: Path) -> None:
    rows = b"".join(b'{"prompt": "Colour %d?", "completion": "blue %d"}\n' % (i, i % 7) for i in range(N))
    datasets.add(house.user, uploads.save(house.user, "colours.jsonl", io.BytesIO(rows)), name="colours")
    base_models.add(house.user, "wise", str(tiny_model_folder))
    plan = training.plan(
        house.user,
        base="studio-nano",
        teacher="wise",
        dataset="colours",
        objective="distill_text",
        method="lora",
        preset="quick",
        settings=SETTINGS,
    )
    worker = house.start("--real", **UNHURRIED)
    job = training.submit(house.user, plan, name="painted")
    until(lambda: len(sealed(job)) >= 2, "the first groups of answers", 120)
    assert house.job(job).stage == WRITING
    with pytest.raises(Conflict, match="painted"):
        deletions.delete(house.user, "wise")

    os.kill(_busiest_child(worker), signal.SIGKILL)
    first = sealed(job)
    until(lambda: house.job(job).attempt == 2, "the worker goes on by itself", 60)
    until(lambda: len(sealed(job)) > len(first), "the second attempt gets further", 120)
    family = worker.children(recursive=True)
    worker.kill()
    worker.wait()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    second = sealed(job)

    house.start("--real", **UNHURRIED)
    until(lambda: house.job(job).stage == "training", "all prompts are answered", 180)
    third = sealed(job)
    assert first.items() <= second.items() <= third.items(), "no sealed group was asked for again"
    assert 2 <= len(first) < len(second) < len(third)
    done = house.reaches(job, "SUCCEEDED", 180)
    assert [attempt.outcome for attempt in house.attempts(job)] == [
        "out_of_memory_or_killed",
        "lease_expired",
        "succeeded",
    ]
    (said,) = [remark for remark in (done.result or {})["remarks"] if "gave" in remark]
    assert f"gave {N} answers to {N} prompts" in said
    deletions.delete(house.user, "wise")


def sealed(job: Job) -> dict[str, tuple[int, int]]:
    """The sealed groups of answers, each with its file's inode and time: another file would have others."""
    folder = workspaces.checkpoints(job.id) / ANSWERS
    return {path.name: ((stat := path.stat()).st_ino, stat.st_mtime_ns) for path in folder.glob("answers-*.json")}


def _busiest_child(worker: psutil.Process) -> int:
    """The child at work: the spare sleeps."""
    return max(worker.children(), key=lambda p: p.cpu_times().user).pid
