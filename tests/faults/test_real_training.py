"""The same deaths in a real training: child killed, worker killed, and it still ends with one good adapter."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from storage.bases import base_models
from storage.data import datasets, uploads
from storage.gallery import artifacts
from storage.planning import training
from tests.faults.conftest import House, until

STEPS = 120
SETTINGS = {
    "max_steps": STEPS,
    "save_steps": 10,
    "eval_steps": 60,
    "per_device_train_batch_size": 4,
    "max_length": 48,
    "r": 4,
}
UNHURRIED = {"STUDIO_EVAL_ROWS": "2", "STUDIO_LEASE_S": "15", "STUDIO_SELF_FENCE_S": "12"}
"""Training keeps both cores busy: with a shorter lease, a live worker can lose its job."""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("house", ["embedded"], indirect=True)
def test_killed_child_then_killed_worker(house: House, tiny_model_folder: Path) -> None:
    rows = b"".join(b'{"prompt": "Colour %d?", "completion": "blue %d"}\n' % (i, i % 7) for i in range(80))
    upload = uploads.save(house.user, "colours.jsonl", io.BytesIO(rows))
    datasets.add(house.user, upload, name="colours")
    base_models.add(house.user, "tiny", str(tiny_model_folder))
    plan = training.plan(
        house.user, base="tiny", dataset="colours", objective="sft", method="lora", preset="quick", settings=SETTINGS
    )
    worker = house.start("--real", **UNHURRIED)
    job = training.submit(house.user, plan, name="painted")

    until(lambda: house.job(job).checkpoint_step >= 10, "the first attempt's checkpoint", 120)
    os.kill(_busiest_child(worker), signal.SIGKILL)
    until(lambda: house.job(job).attempt == 2, "the worker goes on by itself", 60)
    reached = house.job(job).checkpoint_step
    until(lambda: house.job(job).checkpoint_step > reached, "the second attempt gets further", 120)
    family = worker.children(recursive=True)
    worker.kill()
    worker.wait()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive, "children outlive their worker by at most five seconds"

    house.start("--real", **UNHURRIED)
    done = house.reaches(job, "SUCCEEDED", 180)
    assert done.step == STEPS
    starts = [attempt.start_step or 0 for attempt in house.attempts(job)]
    assert starts[0] == 0
    assert 10 <= starts[1] <= starts[2]
    assert [attempt.outcome for attempt in house.attempts(job)] == [
        "out_of_memory_or_killed",
        "lease_expired",
        "succeeded",
    ]
    (adapter,) = artifacts.of_user(house.user)
    config = json.loads((artifacts.folder(adapter) / "adapter_config.json").read_bytes())
    assert config["peft_type"] == "LORA"
    assert adapter.facts["verdict"]["sentence"]


def _busiest_child(worker: psutil.Process) -> int:
    """The child at work: the spare sleeps."""
    return max(worker.children(), key=lambda p: p.cpu_times().user).pid
