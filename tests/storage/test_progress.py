"""How far a piece of work is: told to those who wait, and to nobody else."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from storage import progress
from storage.data import datasets, drafts, uploads
from storage.data.health import report
from storage.models import User

Told = list[tuple[str, float | None]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Everything, however fast it comes."""
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    return []


def _many_rows(path: Path, n_rows: int) -> Path:
    with path.open("w") as file:
        for number in range(n_rows):
            file.write(json.dumps({"prompt": f"How much is {number}?", "completion": f"It is {number}."}) + "\n")
    return path


def test_a_step_and_how_much_of_it_is_done(told: Told) -> None:
    with progress.told(lambda step, share: told.append((step, share))):
        progress.at(0.5)  # of no step
        with progress.step("Outside"):
            with progress.step("Inside"):
                progress.at(0.75)
            progress.at(7.0)
    progress.at(0.9)
    assert told == [("Outside", None), ("Inside", None), ("Inside", 0.75), ("Outside", 1.0)]


def test_nobody_is_told_more_often_than_can_be_read() -> None:
    told: Told = []
    with progress.told(lambda step, share: told.append((step, share))), progress.step("Counting"):
        assert list(progress.through(range(10_000), 10_000)) == list(range(10_000))
    assert told[0] == ("Counting", None)
    assert len(told) < 10


def test_another_thread_is_not_told(told: Told) -> None:
    def work() -> None:
        with progress.step("Elsewhere"):
            progress.at(0.5)

    with progress.told(lambda step, share: told.append((step, share))):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert told == []


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_a_file_is_told_from_its_begin_to_its_end(studio: User, told: Told, tmp_path: Path, name: str) -> None:
    path = _many_rows(tmp_path / name, 4_000)
    if name == "rows.json":
        path.write_text(f"[{','.join(path.read_text().splitlines())}]")
    with path.open("rb") as stream:
        upload = uploads.save(studio, name, stream)
    drafts.look.cache_clear()
    with progress.told(lambda step, share: told.append((step, share))):
        dataset = datasets.add(studio, upload, name="many")
        report.of_dataset(studio, dataset.name)
    steps = list(dict.fromkeys(step for step, _ in told))
    assert steps[:5] == [
        f"Reading {name}",
        "Checking every row",
        "Choosing the held-out rows",
        "Looking for near duplicates",
        "Storing 4,000 rows",
    ]
    assert "Looking for: near duplicates" in steps
    read = [share for step, share in told if step == f"Reading {name}"]
    assert read[0] is None
    assert read[-1] == 1.0


def test_each_of_several_files_is_named(studio: User, told: Told, tmp_path: Path) -> None:
    paths = [_many_rows(tmp_path / name, 3) for name in ("first.jsonl", "second.jsonl")]
    with paths[0].open("rb") as first, paths[1].open("rb") as second:
        upload = uploads.save_all(studio, [("first.jsonl", first), ("second.jsonl", second)])
    with progress.told(lambda step, share: told.append((step, share))):
        datasets.preview(studio, upload)
    steps = {step for step, _ in told}
    assert {"Reading first.jsonl, file 1 of 2", "Reading second.jsonl, file 2 of 2"} <= steps


def test_large_tables_read_by_columns_are_told_too(
    studio: User, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "GROUPED_BYTES", 0)
    path = _many_rows(tmp_path / "large.jsonl", 80_000)
    with path.open("rb") as stream:
        upload = uploads.save(studio, "large.jsonl", stream)
    with progress.told(lambda step, share: told.append((step, share))):
        datasets.add(studio, upload, name="large")
    for step in ("Reading large.jsonl", "Checking every row", "Storing 80,000 rows"):
        shares = [share for told_step, share in told if told_step == step and share is not None]
        assert shares[-1] > 0.9, step
        assert len(set(shares)) > 3, step
