"""Where a job would run: the worker's machine as it will be, or this one."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from storage.bases import checkpoint_headers
from storage.jobs import worker_rows
from storage.models import User, Worker
from storage.planning import machines, training


def worker(**columns: object) -> Worker:
    given = {"id": "w", "host": "box", "pid": 1, "device": "cpu", "slots": 1, "started_at": 0.0, "seen_at": 0.0}
    return Worker.model_validate({**given, **columns})


def test_without_a_worker_it_is_this_machine(studio: User) -> None:
    machine = machines.of_worker(None)
    assert not machine.on_gpu
    assert not machine.calibrated
    assert 0 < machine.memory_free_bytes <= psutil.virtual_memory().total
    assert machine.disk_free_bytes > 0


def test_memory_of_present_jobs_counts_as_free(studio: User) -> None:
    columns = {"memory_total_bytes": 10 * 10**9, "memory_free_bytes": 10**9, "disk_free_bytes": 5}
    assert machines.of_worker(worker(**columns)).memory_free_bytes == 10**9
    busy = machines.of_worker(worker(**columns, busy=1))
    assert busy.memory_free_bytes == 8 * 10**9
    assert busy.disk_free_bytes == 5


def test_a_gpu_is_named_and_guessed_faster(studio: User) -> None:
    machine = machines.of_worker(worker(device="H200"))
    assert machine.on_gpu
    assert machine.name == "a worker's H200", "its host is for administrators"
    assert machine.flop_per_s > machines.CPU_FLOP_PER_S


def test_a_wide_base_has_a_speed_of_its_own(studio: User, tiny_model_folder: Path) -> None:
    narrow = checkpoint_headers.facts(tiny_model_folder)
    wide = narrow.model_copy(update={"hidden_size": 576})
    measured = worker(flop_per_s=1e10, wide_flop_per_s=7e10)
    assert machines.of_worker(measured, narrow).flop_per_s == 1e10
    assert machines.of_worker(measured, wide).flop_per_s == 7e10
    assert machines.of_worker(worker(flop_per_s=1e10), wide).flop_per_s == 1e10, "of a GPU there is one"


def test_the_likely_worker_takes_jobs_and_has_most_memory(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = worker(id="s", memory_total_bytes=1), worker(id="l", memory_total_bytes=2)
    leaving = worker(id="d", memory_total_bytes=3, draining=True)
    monkeypatch.setattr(worker_rows, "alive", lambda: [small, large, leaving])
    assert training.likely_worker() is large
    monkeypatch.setattr(worker_rows, "alive", lambda: [leaving])
    assert training.likely_worker() is None
