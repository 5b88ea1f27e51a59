"""Columns of a table on disk, in Arrow's format, in a file without a name."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from storage.intake.source import MAX_CELL_CHARS, MAX_ROWS

if TYPE_CHECKING:
    import pyarrow as pa


class Abstained(Exception):
    """Whether rows read one by one would be the same is not certain."""


class Columns:
    """A table's columns as batches of rows, which can be gone through as often as is needed."""

    def __init__(self, names: Sequence[str], batches: Iterable[pa.RecordBatch]):
        """`batches` have the rows' numbers first, then the file's columns.

        Raises `Abstained` for texts that no dataset takes.
        """
        self.names = list(names)
        self.n_rows = 0
        self._file: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - lives as long as this object
        self._schema: pa.Schema | None = None
        self._places: list[tuple[int, int]] = []
        end = 0
        for batch in batches:
            self.n_rows += batch.num_rows
            _refuse_flaws(batch, self.n_rows)
            self._schema = batch.schema
            start = -(-end // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
            end = start + self._append(batch, start)
            self._places.append((start, end - start))
        if not self._places:
            raise Abstained

    def _append(self, batch: pa.RecordBatch, start: int) -> int:
        written = batch.serialize()
        view = memoryview(written)
        while view:
            n_written = os.pwrite(self._file.fileno(), view, start)
            view, start = view[n_written:], start + n_written
        return int(written.size)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows from the first on, whoever else is reading them.

        Each batch is mapped by itself, so that only those still in use are in memory.
        """
        import pyarrow as pa  # needed late: the web process starts faster and smaller without it

        for start, size in self._places:
            mapped = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ, offset=start)
            yield pa.ipc.read_record_batch(pa.py_buffer(mapped), self._schema)

    def of_file(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The columns that the file has, in the order of `names`."""
        return list(batch.columns[1:])

    def numbers(self, batch: pa.RecordBatch) -> pa.Array:
        """For each row, its number in the file."""
        return batch.column(0)


def _refuse_flaws(batch: pa.RecordBatch, n_rows: int) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if n_rows > MAX_ROWS:
        raise Abstained
    for column in batch.columns[1:]:
        if pa.types.is_string(column.type) and (pc.max(pc.binary_length(column)).as_py() or 0) > MAX_CELL_CHARS:
            raise Abstained
