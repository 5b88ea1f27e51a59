"""What is read to get ready goes the way that people's files go."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from storage.data.intake import work
from storage.data.intake.columnar.columns import Columns


@pytest.mark.parametrize("wanted", work.WRITERS)
@pytest.mark.parametrize("format", work._OWN_ROWS)
def test_its_own_rows_are_read_to_their_end(wanted: str, format: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(work._OWN_ROWS[format])
    with (tmp_path / "sink").open("w+b") as sink:
        of = {"path": str(path), "filename": "rows", "format": format, "encoding": "utf-8"}
        assert work.write(wanted, of, sink) == 0
        if wanted == "columns":
            (row,) = Columns(sink).rows()
            assert row.values["a"] == 'b "c"'
        else:
            sink.seek(0)
            assert sink.read().startswith(b'["row",')


def test_what_is_wanted_is_one_of_two() -> None:
    with pytest.raises(KeyError):
        work.write("all", {"path": "x", "filename": "x", "format": "delimited"}, io.BytesIO())
