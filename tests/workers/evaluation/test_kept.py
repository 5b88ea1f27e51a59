"""A measurement is kept for its particulars only, and a damaged one is made again."""

from __future__ import annotations

from pathlib import Path

from workers.evaluation.following import Followed
from workers.evaluation.kept import Kept

FOUND = Followed(n_same=(1, 2), nll=(0.5, 0.25))


def test_it_is_found_again_by_all_that_it_depends_on(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "base", {"dtype": "float32"})
    assert kept.read(Followed, n=2) is None
    kept.write(FOUND, n=2)
    assert Kept(tmp_path / "base", {"dtype": "float32"}).read(Followed, n=2) == FOUND
    assert kept.read(Followed, n=3) is None
    assert Kept(tmp_path / "base", {"dtype": "bfloat16"}).read(Followed, n=2) is None


def test_a_damaged_one_counts_as_none(tmp_path: Path) -> None:
    kept = Kept(tmp_path, {})
    kept.write(FOUND)
    (file,) = tmp_path.glob("*.json")
    file.write_text('{"n_same": [1')
    assert kept.read(Followed) is None
    kept.write(FOUND)
    assert kept.read(Followed) == FOUND


def test_without_a_folder_nothing_is_kept() -> None:
    Kept(None, {}).write(FOUND)
    assert Kept(None, {}).read(Followed) is None
