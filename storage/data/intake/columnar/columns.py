"""Columns of a table on disk: batches of rows in Arrow's format, and at the file's end what is known of them."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import IO, TYPE_CHECKING

import orjson

from storage import progress
from storage.data.intake.source import MAX_CELL_CHARS, MAX_ROWS, SourceRow
from storage.data.intake.tally import Column, Tally

if TYPE_CHECKING:
    import pyarrow as pa

TYPES = ("string", "int64", "bool", "null")
LENGTH_BYTES = 8
"""At the very end: how long that is which is known."""


class Abstained(Exception):
    """Whether rows read one by one would be the same is not certain."""


def fill(sink: IO[bytes], names: Sequence[str], batches: Iterable[pa.RecordBatch]) -> int:
    """Write a table into a file, from its begin on; returns how many rows it has.

    `batches` have the rows' numbers first, then the file's columns, of `TYPES`.
    Raises `Abstained` for texts that no dataset takes.
    """
    sink.seek(0)
    sink.truncate()
    n_rows, places = 0, []
    types: list[str] = []
    tallies = [Tally(name) for name in names]
    for batch in batches:
        n_rows += batch.num_rows
        _refuse_flaws(batch, n_rows)
        for tally, values in zip(tallies, batch.columns[1:], strict=True):  # while the processor has them near
            tally.add_all(values)
        types = [str(values.type) for values in batch.columns[1:]]
        places.append(_append(sink, batch))
    if not places:
        raise Abstained
    counted = [asdict(tally.finish(n_rows)) for tally in tallies]
    known = orjson.dumps({"n_rows": n_rows, "places": places, "types": types, "columns": counted})
    sink.write(known + len(known).to_bytes(LENGTH_BYTES, "little"))
    return n_rows


class Columns:
    """A table that was written, which can be gone through as often as is needed."""

    def __init__(self, file: IO[bytes]):
        end = os.fstat(file.fileno()).st_size - LENGTH_BYTES
        length = int.from_bytes(os.pread(file.fileno(), LENGTH_BYTES, end), "little")
        known = orjson.loads(os.pread(file.fileno(), length, end - length))
        self.n_rows: int = known["n_rows"]
        self.counted = [Column(**column) for column in known["columns"]]
        """What each column holds."""
        self.names = [column.name for column in self.counted]
        self._types: list[str] = known["types"]
        self._places: list[tuple[int, int]] = known["places"]
        self._is_sound = False
        self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows from the first on, whoever else is reading them."""
        import pyarrow as pa  # needed late: the web process starts faster and smaller without it

        kinds = dict(zip(TYPES, (pa.string(), pa.int64(), pa.bool_(), pa.null()), strict=True))
        schema = pa.schema([("", pa.int64()), *zip(self.names, map(kinds.__getitem__, self._types), strict=True)])
        whole = pa.py_buffer(self._mapped)
        for start, size in progress.through(self._places, len(self._places)):
            batch = pa.ipc.read_record_batch(whole.slice(start, size), schema)
            if not self._is_sound:
                _refuse_unsound(batch)
            yield batch
            # out of this process's memory; whoever still has an earlier batch finds it in the file again
            self._mapped.madvise(mmap.MADV_DONTNEED, 0, start + size)
        self._is_sound = True

    def of_file(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The columns that the file has, in the order of `names`."""
        return list(batch.columns[1:])

    def numbers(self, batch: pa.RecordBatch) -> pa.Array:
        """For each row, its number in the file."""
        return batch.column(0)

    def rows(self) -> Iterator[SourceRow]:
        """The rows one by one."""
        for batch in self.batches():
            numbers = self.numbers(batch).to_pylist()
            columns = [values.to_pylist() for values in self.of_file(batch)]
            for number, *values in zip(numbers, *columns, strict=True):
                yield SourceRow(number, dict(zip(self.names, values, strict=True)))


def _refuse_unsound(batch: pa.RecordBatch) -> None:
    """Raise `ArrowInvalid` for texts that would reach beyond what was written, whatever a file made its reader do."""
    import pyarrow as pa

    for column in batch.columns:
        whole = column.view(pa.binary()) if pa.types.is_string(column.type) else column
        whole.validate(full=True)


def _append(sink: IO[bytes], batch: pa.RecordBatch) -> tuple[int, int]:
    """Write a batch; returns where it begins, which is where a page of memory can, and its size."""
    written = batch.serialize()
    start = -(-sink.seek(0, os.SEEK_END) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
    sink.seek(start)
    sink.write(written)
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
