"""Checkpoints are whole or passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import files
from workers.training import checkpoints


def _draft(folder: Path, attempt: int, content: str) -> Path:
    made = checkpoints.drafts(folder, attempt) / "checkpoint-1"
    made.mkdir()
    (made / "weights").write_text(content)
    (made / "training_args.bin").write_text("secret")
    return made


def test_the_newest_two_are_kept_sealed_and_without_a_pickle(tmp_path: Path) -> None:
    for step in (5, 10, 15):
        checkpoints.keep(_draft(tmp_path, 1, f"at {step}"), tmp_path, step)
    assert [path.name for path in checkpoints.all_of(tmp_path)] == ["step-00000015", "step-00000010"]
    newest, flaws = checkpoints.newest(tmp_path)
    assert newest
    assert (checkpoints.step_of(newest), flaws) == (15, [])
    assert sorted(path.name for path in newest.iterdir()) == [files.MANIFEST, "weights"]


@pytest.mark.parametrize("harm", ["truncate", "no manifest", "missing file"])
def test_a_harmed_checkpoint_is_passed_over_and_replaced(tmp_path: Path, harm: str) -> None:
    for step in (5, 10):
        checkpoints.keep(_draft(tmp_path, 1, f"at {step}"), tmp_path, step)
    harmed = tmp_path / "step-00000010"
    if harm == "truncate":
        (harmed / "weights").write_text("")
    else:
        (harmed / (files.MANIFEST if harm == "no manifest" else "weights")).unlink()
    newest, flaws = checkpoints.newest(tmp_path)
    assert newest == tmp_path / "step-00000005"
    assert len(flaws) == 1
    checkpoints.keep(_draft(tmp_path, 2, "at 7"), tmp_path, 7)
    assert [checkpoints.step_of(path) for path in checkpoints.all_of(tmp_path)] == [7, 5]


def test_drafts_of_earlier_attempts_are_removed(tmp_path: Path) -> None:
    draft = _draft(tmp_path, 1, "half")
    assert checkpoints.newest(tmp_path) == (None, [])
    fresh = checkpoints.drafts(tmp_path, 2)
    assert not draft.exists()
    assert list(tmp_path.iterdir()) == [fresh]
