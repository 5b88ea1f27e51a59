"""Tables with delimiters as columns: equally wide rows, quotes by the book."""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING

from storage.data.intake.columnar import columns
from storage.data.intake.columnar.columns import Abstained
from storage.data.intake.columnar.parts import NEWLINE, QUOTE, RETURN, Marks, batches, cut, replaced, without
from storage.data.intake.readers.delimited import NO_DELIMITER
from storage.data.intake.source import MAX_COLUMNS, Source
from storage.data.intake.tally import content

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from storage.data.intake.columnar.parts import Bytes, Places


def write(source: Source, sink: IO[bytes]) -> None:
    """Write all rows; a row's number is the line where it begins. Raises `Abstained`."""
    if source.encoding != "utf-8":
        raise Abstained
    delimiter = source.delimiter or NO_DELIMITER
    with source.open() as stream:
        first = stream.readline()
    names = _names(first, delimiter)
    rows = _Rows(names, delimiter)
    columns.fill(sink, names, batches(source, len(first.encode()), b"\n", rows.take))


def _names(first: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([first], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as error:
        raise Abstained from error
    names = [cell.strip() for cell in cells]
    if not all(names) or len(set(names)) < len(names) or len(names) > MAX_COLUMNS:
        raise Abstained
    if not first.endswith("\n") or "\x00" in first:
        raise Abstained
    return names


class _Rows:
    """Takes the rows out of a table's parts, and knows on which line it is."""

    def __init__(self, names: list[str], delimiter: str):
        self._names = names
        self._delimiter = ord(delimiter)
        self._marks = Marks(up_to=RETURN, which=(QUOTE, self._delimiter))
        self._n_lines = 1

    def take(self, part: Bytes) -> tuple[pa.RecordBatch | None, int]:
        """The rows that end in the part, and how many bytes they have. Raises `Abstained`."""
        import numpy as np
        import pyarrow as pa

        places, kinds = self._marks.find(part)
        is_end = (kinds == self._delimiter) | (kinds == NEWLINE)
        n_quotes = np.cumsum(kinds == QUOTE, dtype=np.int32)
        is_end &= n_quotes % 2 == 0
        last = np.flatnonzero(is_end & (kinds == NEWLINE))[-1:]
        if not len(last):
            return None, 0
        taken = slice(int(last[0]) + 1)
        places, kinds, is_end = places[taken], kinds[taken], is_end[taken]
        part = part[: places[-1] + 1]
        _check_quotes(part, places[kinds == QUOTE], self._delimiter)
        _check_characters(part, places, kinds)
        ends = self._even(places[is_end], kinds[is_end])
        n_lines = np.cumsum(kinds == NEWLINE)[is_end].reshape(ends.shape)[:, -1]
        begins = self._n_lines + 1 + np.r_[0, n_lines[:-1]]
        self._n_lines += int(n_lines[-1])
        cells = self._cut(part, ends, n_quotes[taken][is_end])
        return pa.RecordBatch.from_arrays([pa.array(begins), *cells], names=["", *self._names]), len(part)

    def _even(self, ends: Places, kinds: Bytes) -> Places:
        """Where each cell ends: `(rows, columns)`."""
        width = len(self._names)
        if len(ends) % width:
            raise Abstained
        kinds = kinds.reshape(-1, width)
        if not ((kinds[:, :-1] == self._delimiter).all() and (kinds[:, -1] == NEWLINE).all()):
            raise Abstained
        return ends.reshape(-1, width)

    def _cut(self, part: Bytes, ends: Places, n_quotes: NDArray[np.integer]) -> list[pa.Array]:
        """The cells by columns; `n_quotes` are those up to each cell's end."""
        import numpy as np

        starts = np.r_[0, ends.ravel()[:-1] + 1].reshape(ends.shape)
        ends = ends.copy()
        ends[:, -1] -= (part[ends[:, -1] - 1] == RETURN) & (ends[:, -1] > starts[:, -1])
        if ends.shape[1] == 1 and (starts == ends).any():
            raise Abstained  # blank lines
        quoted = (part[starts] == QUOTE) & (ends > starts)
        inner = np.diff(n_quotes, prepend=0).reshape(ends.shape) > 2 * quoted
        found = []
        for column in range(ends.shape[1]):
            texts = cut(part, (starts + quoted)[:, column], (ends - quoted)[:, column])
            found.append(replaced(texts, inner[:, column], _halved))
        return found


def _halved(texts: pa.Array) -> pa.Array:
    """The texts with one quote for each two that follow one another."""
    import numpy as np

    whole, bounds = content(texts)
    written = whole[bounds[0] : bounds[-1]]
    return without(written, bounds, np.flatnonzero(written == QUOTE)[::2])


def _check_quotes(part: Bytes, quotes: Places, delimiter: int) -> None:
    """Each quote opens a cell, closes one, or is one of two inside it. Raises `Abstained`."""
    opening, closing = quotes[::2], quotes[1::2]
    # before the first byte is taken for the part's last one, which is a line's end as well
    before, after = part[opening - 1], part[closing + 1]
    begins = (before == delimiter) | (before == NEWLINE) | (before == QUOTE)
    ends = (after == delimiter) | (after == NEWLINE) | (after == RETURN) | (after == QUOTE)
    if not (begins.all() and ends.all()):
        raise Abstained


def _check_characters(part: Bytes, places: Places, kinds: Bytes) -> None:
    """No NUL, and no line ends that not all programs take for one. Raises `Abstained`."""
    if not kinds.all() or not (part[places[kinds == RETURN] + 1] == NEWLINE).all():
        raise Abstained
