"""Reads large, clean tables with Arrow, several times as fast as row by row.

Arrow accepts much that a format's reader refuses or remarks on, and doesn't number lines. So this module takes
a table only if the reader would find the same rows without remarks; it leaves any odd table to the reader.
"""

from __future__ import annotations

import csv
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
from numpy.typing import NDArray

from storage import progress
from storage.data.intake import strict_json
from storage.data.intake.readers.delimited import NO_DELIMITER
from storage.data.intake.source import MAX_CELL_CHARS, MAX_COLUMNS, MAX_ROWS, Source, SourceRow

MIN_BYTES = 4_000_000
"""Smaller files are quick either way."""
BLOCK_BYTES = 1_000_000
ROW_BYTES = 4_000_000
"""A table with a longer row goes to the reader."""
N_FIRST = 200
"""The first JSON lines, which determine the columns; if a later line has others, the reader takes the table."""
NEWLINE, RETURN, QUOTE, BRACE = b'\n\r"{'
TYPES = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), type(None): pa.null()}
MAGIC = b"ARROW1"
_BOM = b"\xef\xbb\xbf"


class _Abstained(Exception):
    """The reader might find other rows or have remarks."""


def write(source: Source, sink: IO[bytes]) -> bool:
    """Write a table's columns into a file; False, with nothing written, if the reader must take it."""
    if (
        source.format not in _TABLES
        or source.encoding != "utf-8"
        or source.errors != "strict"
        or source.path.stat().st_size < MIN_BYTES
    ):
        return False
    try:
        _fill(sink, _TABLES[source.format](source))
    except (_Abstained, pa.ArrowException, strict_json.Flaw, csv.Error):
        sink.seek(0)
        sink.truncate()
        return False
    return True


def _fill(sink: IO[bytes], tables: Iterator[pa.Table]) -> None:
    """Write tables with the same columns, row numbers first. Raises `_Abstained` for texts beyond the limits."""
    first = next(tables, None)
    if first is None:
        raise _Abstained
    n_rows = 0
    with pa.ipc.new_file(sink, first.schema) as writer:
        for table in chain([first], tables):
            n_rows += len(table)
            texts = (column for column in table.columns if column.type == pa.string())
            if n_rows > MAX_ROWS or any((pc.max(pc.binary_length(t)).as_py() or 0) > MAX_CELL_CHARS for t in texts):
                raise _Abstained
            writer.write_table(table)


def _blocks(source: Source, start: int, *, quoted: bool) -> Iterator[bytearray]:
    """The file's bytes from `start` on, in blocks that end at a line end and, with quoted texts, at a row end."""
    with progress.opened(source.path) as file:
        file.seek(start)
        while block := bytearray(file.read(BLOCK_BYTES)):
            line = file.readline(ROW_BYTES)
            n_quotes = block.count(b'"') + line.count(b'"') if quoted else 0
            block += line
            while n_quotes % 2 and len(block) < BLOCK_BYTES + ROW_BYTES and (line := file.readline(ROW_BYTES)):
                n_quotes += line.count(b'"')
                block += line
            is_odd = b"\x00" in block or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n"))
            if is_odd or n_quotes % 2 or len(block) >= BLOCK_BYTES + ROW_BYTES or block.startswith(_BOM):
                raise _Abstained
            if not block.endswith(b"\n"):
                block += b"\n"
            yield block


def _delimited(source: Source) -> Iterator[pa.Table]:
    """Each row's number is the line on which it starts."""
    delimiter = source.delimiter or NO_DELIMITER
    with source.open() as stream:
        first = stream.readline()
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter, strict=True), [])]
    is_odd = not all(names) or "\x00" in first or not first.endswith("\n")
    if is_odd or not 0 < len(names) == len(set(names)) <= MAX_COLUMNS:
        raise _Abstained
    types = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    parsing = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    n_lines = 1
    for block in _blocks(source, len(first.encode()), quoted=True):
        ends = _row_ends(np.frombuffer(block, np.uint8), ord(delimiter))
        reading = pa.csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False)
        table = pa.csv.read_csv(pa.BufferReader(block), reading, parsing, types)
        if len(table) != len(ends) or _repeats(table, names):  # Arrow skips blank lines
            raise _Abstained
        yield table.add_column(0, "", pa.array(n_lines + 1 + np.r_[0, ends[:-1] + 1]))
        n_lines += int(ends[-1]) + 1


def _repeats(table: pa.Table, names: list[str]) -> bool:
    """Whether a row repeats the column names."""
    alike = pc.equal(pc.utf8_trim_whitespace(table.column(0)), names[0])
    rows = table.filter(alike) if pc.any(alike).as_py() else None
    return rows is not None and any([str(cell).strip() for cell in row.values()] == names for row in rows.to_pylist())


def _row_ends(block: NDArray[np.uint8], delimiter: int) -> NDArray[np.intp]:
    """The lines, counted from 0, that end a row. Raises `_Abstained` for quotes that only Arrow accepts.

    A quote must open a cell, close one, or be one of two in succession inside a cell.
    """
    quotes, newlines = np.flatnonzero(block == QUOTE), np.flatnonzero(block == NEWLINE)
    before, after = block[quotes[::2] - 1], block[quotes[1::2] + 1]  # index -1 is the block's last byte, a line end
    begins = (before == delimiter) | (before == NEWLINE) | (before == QUOTE)
    closes = (after == delimiter) | (after == NEWLINE) | (after == RETURN) | (after == QUOTE)
    if not (begins.all() and closes.all()):
        raise _Abstained
    return np.flatnonzero(np.searchsorted(quotes, newlines) % 2 == 0)


def _json_lines(source: Source) -> Iterator[pa.Table]:
    """Each line is an object of texts, whole numbers and truth values; each row's number is its line."""
    schema = _schema(source)
    parsing = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    n_lines = 0
    for block in _blocks(source, 0, quoted=False):
        ends = np.flatnonzero((characters := np.frombuffer(block, np.uint8)) == NEWLINE)
        if b"\\u0000" in block or (characters[np.r_[0, ends[:-1] + 1]] != BRACE).any():
            raise _Abstained
        reading = pa.json.ReadOptions(block_size=len(block) + 1, use_threads=False)
        table = pa.json.read_json(pa.BufferReader(block), reading, parsing)
        if len(table) != len(ends):  # several objects on a line
            raise _Abstained
        yield table.add_column(0, "", pa.array(np.arange(n_lines + 1, n_lines + 1 + len(table))))
        n_lines += len(table)


def _schema(source: Source) -> pa.Schema:
    found: dict[str, pa.DataType] = {}
    with source.open() as stream:
        for line in islice(stream, N_FIRST):
            row = strict_json.decode(line)
            for key, value in row.items() if isinstance(row, dict) else ():
                kind, before = TYPES.get(type(value)), found.get(key, pa.null())
                if kind is None or (before != kind and pa.null() not in (before, kind)):
                    raise _Abstained
                found[key] = kind if before == pa.null() else before
    if not 0 < len(found) <= MAX_COLUMNS:
        raise _Abstained
    return pa.schema(list(found.items()))


_TABLES: Mapping[str, Callable[[Source], Iterator[pa.Table]]] = {"delimited": _delimited, "json_lines": _json_lines}
"""The functions for each format, by key."""


def is_table(file: IO[bytes]) -> bool:
    """Whether the file contains columns, not rows."""
    return os.pread(file.fileno(), len(MAGIC), 0) == MAGIC


class Columns:
    """A written table; it can be read any number of times."""

    def __init__(self, file: IO[bytes]):
        """Raises `ArrowInvalid` for an unsound table, which a hostile file may have made its reader write."""
        self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        schema = self._opened().schema
        self.names: list[str] = schema.names[1:]
        self.n_rows = 0
        if not set(schema.types) <= set(TYPES.values()):
            raise pa.ArrowInvalid(f"a table of {schema.types}")
        for batch in self.batches():
            batch.validate(full=True)
            self.n_rows += len(batch)

    def _opened(self) -> Any:
        return pa.ipc.open_file(pa.py_buffer(self._mapped))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, in any number of threads: row numbers first, then the columns in the order of `names`."""
        opened = self._opened()
        for number in progress.through(range(opened.num_record_batches), opened.num_record_batches):
            yield opened.get_batch(number)
            # frees this process's memory; an earlier batch still in use is read from the file again
            self._mapped.madvise(mmap.MADV_DONTNEED)

    def rows(self) -> Iterator[SourceRow]:
        """The rows one by one."""
        for batch in self.batches():
            for number, *values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield SourceRow(number, dict(zip(self.names, values, strict=True)))
