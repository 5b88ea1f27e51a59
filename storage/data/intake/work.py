"""What a process of its own does with a file: it reads it and writes down what is found."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any

from storage.data.intake import columnar
from storage.data.intake.forked import DISK_FULL, OUT_OF_MEMORY, TOO_MUCH_TEXT
from storage.data.intake.notes import Notes
from storage.data.intake.readers import readers
from storage.data.intake.source import MAX_ROWS, Source

DOCUMENTS = ("html", "pdf", "word")
"""Formats whose rows are parts of a text."""
_PART_IT = "Give the document more headings, or split it."
_OWN_ROWS = {"delimited": b'a\n"b ""c"""\n', "json_lines": b'{"a": "b \\"c\\"", "n": 1, "is": true}\n'}


def prepare() -> None:
    """Have ready what any file needs: libraries load much of what they are on their first use only."""
    for format, text in _OWN_ROWS.items():
        with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryFile() as sink:
            file.write(text)
            file.flush()
            for wanted in WRITERS:
                write(wanted, {"path": file.name, "filename": "", "format": format, "encoding": "utf-8"}, sink)


def write(wanted: str, of: dict[str, Any], sink: IO[bytes]) -> int:
    """Write the file's “rows” or, of a large and clean table, its “columns” (`WRITERS`); gives the exit code."""
    source = Source(**{**of, "path": Path(of["path"])})
    try:
        WRITERS[wanted](source, sink)
        sink.flush()
    except MemoryError:
        return OUT_OF_MEMORY
    except OSError as error:
        codes = {errno.EFBIG: TOO_MUCH_TEXT, errno.ENOSPC: DISK_FULL}
        if error.errno not in codes:
            raise
        return codes[error.errno]
    return 0


def _write_rows(source: Source, sink: IO[bytes]) -> None:
    notes = Notes(source.filename, sink, _PART_IT if source.format in DOCUMENTS else None)
    for row in islice(readers()[source.format].read(source, notes), MAX_ROWS + 1):
        notes.row(row)


def _write_columns(source: Source, sink: IO[bytes]) -> None:
    """Nothing where rows read one by one might not be the same."""
    try:
        columnar.write(source, sink)
    except columnar.Abstained:
        sink.seek(0)
        sink.truncate()


WRITERS: Mapping[str, Callable[[Source, IO[bytes]], None]] = {"rows": _write_rows, "columns": _write_columns}
"""What can be written of a file."""
