"""In place of a process for each file: its work is done in the test's own, where a debugger can follow."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from storage.data.intake import fast, reader_process
from storage.data.intake.reader_process import Reading
from storage.data.intake.source import Source


def run(reading: Reading, sink: IO[bytes], said: IO[bytes], within_s: float) -> int:
    """As `reader_process.run`, without limits."""
    return reader_process.write(reading.source, sink)


def columns(path: Path, format: str) -> fast.Columns | None:
    """The table that is written of a file, however small; None where it is left to be read row by row."""
    delimiter = "," if format == "delimited" else None
    with tempfile.TemporaryFile() as sink:
        is_written = fast.write(Source(path, path.name, format, "utf-8", delimiter), sink)
        sink.flush()
        assert fast.is_table(sink) == is_written
        return fast.Columns(sink) if is_written else None
