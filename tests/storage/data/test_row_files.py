"""Stored rows: the same bytes for the same rows, read back as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import files
from storage.data import row_files
from storage.models import User
from templates import registry


def test_a_file_has_the_same_bytes_however_its_rows_came(tmp_path: Path) -> None:
    shape = registry.shape("prompt_completion")
    rows = [(i, {"prompt": f"p{i}", "completion": "c", "system": None}) for i in range(4_500)]
    rows = [(i, {f.name: row.get(f.name) for f in shape.fields}) for i, row in rows]
    whole = list(row_files.batches(shape, rows))
    small = [batch.slice(at, 7) for batch in whole for at in range(0, len(batch), 7)]
    held_out = [i % 10 == 0 for i in range(len(rows))]
    for name, batches in (("whole", whole), ("small", small)):
        row_files.write(tmp_path / name, shape, batches, held_out)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "small").read_bytes()
    with pytest.raises(ValueError, match="held_out"):
        row_files.write(tmp_path / "short", shape, whole, held_out[1:])
    with pytest.raises(ValueError, match="4500 rows, but 4501"):
        row_files.write(tmp_path / "long", shape, whole, [*held_out, True])


def test_rows_are_read_back_from_the_file_store(studio: User) -> None:
    shape = registry.shape("classification")
    rows = [(i, {"text": f"Text {i} – é", "label": "ab"[i % 2]}) for i in range(2 * row_files.BATCH_ROWS + 1)]
    held_out = [i % 3 == 0 for i in range(len(rows))]
    with files.new_blob() as blob:
        row_files.write(blob, shape, row_files.batches(shape, rows), held_out)
    stored = row_files.read(files.blob_path(blob.sha256))
    assert stored == [{**row, "held_out": held_out[i], "source_row": i} for i, row in rows]
    assert row_files.read(files.blob_path(blob.sha256), held_out=True) == [row for row in stored if row["held_out"]]
    for held_out_side in (None, True, False):
        side = [row for row in stored if held_out_side in (None, row["held_out"])]
        for offset, most in (
            (0, 5),
            (row_files.BATCH_ROWS - 2, 5),
            (len(side) - 3, 50),
            (len(side), 5),
            (0, len(side)),
        ):
            page = row_files.page(files.blob_path(blob.sha256), held_out_side, offset, most)
            assert page == (len(side), side[offset : offset + most])
