"""Deaths in the middle of a real download: child killed, worker killed, and it ends with one model, fetched once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from storage.bases import base_models
from storage.planning import additions
from tests.faults.conftest import LONG_LEASE, House, until
from tests.played_hub import PIECE_BYTES, PlayedHub


@pytest.mark.long
@pytest.mark.parametrize("house", ["embedded"], indirect=True)
def test_killed_child_then_killed_worker(house: House, hub: PlayedHub, nano_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "remote"
    folder.mkdir()
    for path in nano_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    whole = folder / "model.safetensors"
    hub.add("org/nano", folder)
    hub.hold_after, hub.drips = 20 * PIECE_BYTES, True
    worker = house.start("--real", **LONG_LEASE)
    job = additions.submit(house.user, "mine", "org/nano")
    until(lambda: _synced(house) >= hub.hold_after, "the first part is on disk", 120)
    os.kill(_busiest_child(worker.pid), signal.SIGKILL)
    until(lambda: house.job(job).attempt == 2, "the worker goes on by itself", 60)
    hub.hold_after = 40 * PIECE_BYTES
    until(lambda: _synced(house) >= hub.hold_after, "the second attempt gets further", 120)
    worker.kill()
    worker.wait()
    hub.released.set()
    house.start("--real")
    done = house.reaches(job, "SUCCEEDED", 180)
    made = base_models.made_by(house.user, job.id)
    assert made is not None
    assert [row.name for row in base_models.of_user(house.user) if row.source != "bundled"] == ["mine"]
    firsts = [first for name, first, _ in hub.served if name == whole.name]
    assert firsts[0] == 0
    assert 20 * PIECE_BYTES <= firsts[1] < firsts[2]
    assert firsts[2] >= 40 * PIECE_BYTES, "no byte twice that was surely on disk"
    assert done.attempt == 3
    assert (done.result or {})["sentence"]


def _synced(house: House) -> int:
    marks = (house.root / "files" / "downloads").glob("*/.model.safetensors.synced")
    return max((int(mark.read_text() or 0) for mark in marks), default=0)


def _busiest_child(worker: int) -> int:
    """The child at work: the spare sleeps."""
    return max(psutil.Process(worker).children(), key=lambda p: p.cpu_times().user).pid
