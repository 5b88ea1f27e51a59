"""The licence that people read is the one in the model's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from storage.bases import base_models, papers
from storage.models import User


def test_the_text_of_the_license_and_none_without_one(studio: User, nano_folder: Path, tmp_path: Path) -> None:
    assert papers.license_text(base_models.get(studio, "studio-nano")) is None
    source = shutil.copytree(nano_folder, tmp_path / "source")
    (source / "LICENSE").write_bytes(b"Do as you like, M\xfcller.\n")
    row = base_models.add(studio, "mine", str(source))
    assert papers.license_text(row) == "Do as you like, M�ller."


def test_a_file_that_never_ends_is_cut_and_said(studio: User, nano_folder: Path, tmp_path: Path) -> None:
    source = shutil.copytree(nano_folder, tmp_path / "source")
    (source / "LICENSE.md").write_text("x" * (papers.MOST_BYTES + 1))
    text = papers.license_text(base_models.add(studio, "mine", str(source)))
    assert text is not None
    assert text.endswith("(The file goes on.)")
    assert len(text) < papers.MOST_BYTES + 100
