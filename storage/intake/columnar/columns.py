"""Columns of a table on disk, in Arrow's format, in a file without a name."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from storage import progress
from storage.intake.source import MAX_CELL_CHARS, MAX_ROWS
from storage.intake.tally import Tally

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
        self._schema: pa.Schema | None = None
        self._places: list[tuple[int, int]] = []
        tallies = [Tally(name) for name in self.names]
        with tempfile.TemporaryFile(buffering=0) as file:
            for batch in batches:
                self.n_rows += batch.num_rows
                _refuse_flaws(batch, self.n_rows)
                for tally, values in zip(tallies, batch.columns[1:], strict=True):  # while the processor has them near
                    tally.add_all(values)
                self._schema = batch.schema
                self._places.append(_append(file, batch))
            if not self._places:
                raise Abstained
            self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.counted = [tally.finish(self.n_rows) for tally in tallies]
        """What each column holds."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows from the first on, whoever else is reading them."""
        import pyarrow as pa  # needed late: the web process starts faster and smaller without it

        whole = pa.py_buffer(self._mapped)
        for start, size in progress.through(self._places, len(self._places)):
            yield pa.ipc.read_record_batch(whole.slice(start, size), self._schema)
            # out of this process's memory; whoever still has an earlier batch finds it in the file again
            self._mapped.madvise(mmap.MADV_DONTNEED, 0, start + size)

    def of_file(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The columns that the file has, in the order of `names`."""
        return list(batch.columns[1:])

    def numbers(self, batch: pa.RecordBatch) -> pa.Array:
        """For each row, its number in the file."""
        return batch.column(0)


def _append(file: IO[bytes], batch: pa.RecordBatch) -> tuple[int, int]:
    """Write a batch; returns where it begins, which is where a page of memory can, and its size."""
    written = batch.serialize()
    start = -(-file.seek(0, os.SEEK_END) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
    file.seek(start)
    rest = memoryview(written)
    while rest:
        rest = rest[file.write(rest) :]
    return start, int(written.size)


def _refuse_flaws(batch: pa.RecordBatch, n_rows: int) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if n_rows > MAX_ROWS:
        raise Abstained
    for column in batch.columns[1:]:
        if not pa.types.is_string(column.type) or column.nbytes <= MAX_CELL_CHARS:
            continue
        if (pc.max(pc.binary_length(column)).as_py() or 0) > MAX_CELL_CHARS:
            raise Abstained
