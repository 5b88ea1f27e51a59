"""Columns of a table on disk, in Arrow's format, in a file without a name."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from storage.intake.source import MAX_CELL_CHARS, MAX_ROWS, Source

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_BYTES = 4_000_000
QUOTE, NEWLINE, RETURN = 34, 10, 13


class Abstained(Exception):
    """Whether rows read one by one would be the same is not certain."""


class Columns:
    """A table's columns as batches of rows, which can be gone through as often as is needed."""

    def __init__(self, names: Sequence[str], batches: Iterable[pa.RecordBatch]):
        """`batches` have the rows' numbers first, then the file's columns.

        Raises `Abstained` for texts that no dataset takes.
        """
        import pyarrow as pa  # needed late: the web process starts faster and smaller without it

        self.names = list(names)
        self.n_rows = 0
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        writer = None
        for batch in batches:
            self.n_rows += batch.num_rows
            _refuse_flaws(batch, self.n_rows)
            writer = writer or pa.ipc.new_stream(self._file, batch.schema)
            writer.write_batch(batch)
        if writer is None:
            raise Abstained
        writer.close()
        self._file.flush()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows from the first on, whoever else is reading them."""
        import pyarrow as pa

        with pa.ipc.open_stream(_From(self._file.fileno())) as reader:
            yield from reader

    def of_file(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The columns that the file has, in the order of `names`."""
        return list(batch.columns[1:])

    def numbers(self, batch: pa.RecordBatch) -> pa.Array:
        """For each row, its number in the file."""
        return batch.column(0)


class _From(io.RawIOBase):
    """Reads a file from its begin with a place of its own."""

    def __init__(self, file: int):
        self._file, self._place = file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        n_read = os.preadv(self._file, [buffer], self._place)
        self._place += n_read
        return n_read


def _refuse_flaws(batch: pa.RecordBatch, n_rows: int) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if n_rows > MAX_ROWS:
        raise Abstained
    for column in batch.columns[1:]:
        if pa.types.is_string(column.type) and (pc.max(pc.binary_length(column)).as_py() or 0) > MAX_CELL_CHARS:
            raise Abstained


def count_lines(source: Source, also: Callable[[bytes, bool], None] | None = None) -> int:
    """How many lines the file has; `also` is shown each part, and whether it is the last.

    No part ends inside a line end or between two quotes. Raises `Abstained` for NUL characters and for
    line ends that not all programs take for one.
    """
    n_ends, last = 0, b"\n"
    with source.path.open("rb") as file:
        while part := file.read(CHUNK_BYTES):
            while part.endswith((b"\r", b'"')) and (more := file.read(1)):
                part += more
            if b"\x00" in part or (b"\r" in part and part.count(b"\r") != part.count(b"\r\n")):
                raise Abstained
            n_ends += part.count(b"\n")
            last = part[-1:]
            if also:
                also(part, not file.peek(1))
    return n_ends + (last != b"\n")


def options(module: Any) -> Any:
    """Arrow's reading options; a row longer than its block is an error, which makes us abstain."""
    return module.ReadOptions(block_size=CHUNK_BYTES)
