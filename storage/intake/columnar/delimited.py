"""Tables with delimiters as columns: equally wide rows, quotes by the book."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING

from storage.intake.columnar.columns import NEWLINE, QUOTE, RETURN, Abstained, Columns, count_lines, options
from storage.intake.readers.delimited import NO_DELIMITER
from storage.intake.source import MAX_COLUMNS, Source

if TYPE_CHECKING:
    import pyarrow as pa


def table(source: Source) -> Columns:
    """All rows; a row's number is the line where it begins. Raises `Abstained`."""
    import pyarrow as pa

    if source.encoding != "utf-8":
        raise Abstained
    delimiter = source.delimiter or NO_DELIMITER
    names = _names(source, delimiter)
    quotes = _Quotes(delimiter)
    n_lines = count_lines(source, quotes.check)
    lines = _Lines()
    try:
        columns = Columns(names, _batches(source, delimiter, names, lines))
    except pa.ArrowInvalid as error:
        raise Abstained from error
    if lines.n_read != n_lines:
        raise Abstained  # blank lines
    return columns


def _names(source: Source, delimiter: str) -> list[str]:
    with source.open() as stream:
        first = stream.readline()
    try:
        cells = next(csv.reader([first], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as error:
        raise Abstained from error
    names = [cell.strip() for cell in cells]
    if not all(names) or len(set(names)) < len(names) or len(names) > MAX_COLUMNS:
        raise Abstained
    return names


class _Quotes:
    """Follows the quotes through the file: each opens a cell, closes one, or is one of two inside it."""

    def __init__(self, delimiter: str):
        self._delimiter = ord(delimiter)
        self._inside = False
        self._before = NEWLINE

    def check(self, part: bytes, is_last: bool) -> None:
        """Go on through the next part. Raises `Abstained` for a quote at any other place."""
        import numpy as np

        if b'"' in part:
            around = np.frombuffer(bytes([self._before]) + part + bytes([NEWLINE]), np.uint8)
            places = np.flatnonzero(around[1:-1] == QUOTE) + 1
            opening, closing = places[int(self._inside) :: 2], places[int(not self._inside) :: 2]
            before, after = around[opening - 1], around[closing + 1]
            begins = (before == self._delimiter) | (before == NEWLINE) | (before == QUOTE)
            ends = (after == self._delimiter) | (after == NEWLINE) | (after == RETURN) | (after == QUOTE)
            if not (begins.all() and ends.all()):
                raise Abstained
            self._inside ^= bool(len(places) % 2)
        self._before = part[-1]
        if is_last and self._inside:
            raise Abstained


class _Lines:
    """Counts the lines that rows take, those with line ends in their cells among them."""

    def __init__(self) -> None:
        self.n_read = 1

    def numbers(self, batch: pa.RecordBatch) -> pa.Array:
        """For each row, the line where it begins."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        taken = np.ones(batch.num_rows, np.int64)
        for column in batch.columns:
            taken += pc.count_substring(column, "\n").to_numpy(zero_copy_only=False)
        ends = self.n_read + np.cumsum(taken)
        begins = ends - taken + 1
        self.n_read = int(ends[-1]) if len(ends) else self.n_read
        return pa.array(begins)


def _batches(source: Source, delimiter: str, names: list[str], lines: _Lines) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.csv as pcsv

    reading = options(pcsv)
    reading.column_names, reading.skip_rows = names, 1
    parsing = pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    converting = pcsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    with pcsv.open_csv(source.path, reading, parsing, converting) as reader:
        for batch in reader:
            if batch.num_rows:
                yield pa.RecordBatch.from_arrays([lines.numbers(batch), *batch.columns], names=["", *names])
