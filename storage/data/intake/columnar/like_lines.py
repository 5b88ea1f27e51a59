"""JSON lines that differ in nothing but their values: the same bytes around them in every line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from storage.data.intake import strict_json
from storage.data.intake.columnar import columns
from storage.data.intake.columnar.columns import Abstained
from storage.data.intake.columnar.parts import BACKSLASH, NEWLINE, QUOTE, Marks, batches, cut, replaced, without
from storage.data.intake.source import Source
from storage.data.intake.tally import content

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from storage.data.intake.columnar.parts import Bytes, Places

FIRST_BYTES = 1_000_000
"""The first line is no longer."""
LAST_CONTROL = 31
_SIMPLE = {'"': '"', "/": "/", "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
"""Escapes for one byte, but for a backslash's own."""
_TEXT = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_PAIR = re.compile(rb"(%s)\s*:\s*(%s|-?\d+|true|false)" % (_TEXT, _TEXT))
_INTEGER = r"^(-?(0|[1-9][0-9]{0,17}))$"
"""Of those that surely fit into 64 bits."""


def write(source: Source, sink: IO[bytes]) -> None:
    """Write all rows; a row's number is its line. Raises `Abstained`."""
    with source.path.open("rb") as file:
        lines = _Lines(file.readline(FIRST_BYTES))
    columns.fill(sink, lines.names, batches(source, 0, lines.end, lines.take))


@dataclass(frozen=True)
class _Value:
    """Where a value is in a line: so many bytes behind one quote, so many before another."""

    kind: type
    start_quote: int
    behind: int
    end_quote: int | None
    """None: the line's end."""
    before: int


class _Lines:
    """Takes the rows out of a file's parts, and knows on which line it is."""

    def __init__(self, first: bytes):
        import numpy as np

        row = _row(first)
        self.names = list(row)
        self.end = b"\r\n" if first.endswith(b"\r\n") else b"\n"
        self._n_read = 0
        self._marks = Marks(up_to=LAST_CONTROL, which=(QUOTE, BACKSLASH))
        self._values, bounds = _values(first, list(row.values()))
        self._n_quotes = sum(4 if value.kind is str else 2 for value in self._values)
        gaps = [first[begin:end] for begin, end in zip([0, *bounds[1::2]], [*bounds[::2], len(first)], strict=True)]
        self._head, *self._between, self._tail = (np.frombuffer(gap, np.uint8) for gap in gaps)
        self._n_controls = sum(byte <= LAST_CONTROL for byte in b"".join(gaps))

    def take(self, part: Bytes) -> tuple[pa.RecordBatch | None, int]:
        """The rows that end in the part, and how many bytes they have. Raises `Abstained`."""
        import numpy as np
        import pyarrow as pa

        places, kinds = self._marks.find(part)
        newlines = np.flatnonzero(kinds == NEWLINE)
        if not len(newlines):
            return None, 0
        places, kinds = places[: newlines[-1] + 1], kinds[: newlines[-1] + 1]
        part, line_ends = part[: places[-1] + 1], places[newlines] + 1
        quotes = _quotes(places, kinds)
        n_controls = np.count_nonzero(kinds <= LAST_CONTROL)
        if len(quotes) != len(newlines) * self._n_quotes or n_controls != len(newlines) * self._n_controls:
            raise Abstained
        bounds = self._bounds(quotes.reshape(len(newlines), -1), line_ends)
        self._check(part, bounds)
        escapes = places[kinds == BACKSLASH]
        found = [_column(part, *each, value.kind, escapes) for each, value in zip(bounds, self._values, strict=True)]
        numbers = pa.array(np.arange(self._n_read + 1, self._n_read + 1 + len(newlines)))
        self._n_read += len(newlines)
        return pa.RecordBatch.from_arrays([numbers, *found], names=["", *self.names]), len(part)

    def _bounds(self, quotes: Places, line_ends: Places) -> list[tuple[Places, Places]]:
        """Of each column, where its values begin and end."""
        return [
            (
                quotes[:, value.start_quote] + value.behind,
                (line_ends if value.end_quote is None else quotes[:, value.end_quote]) - value.before,
            )
            for value in self._values
        ]

    def _check(self, part: Bytes, bounds: list[tuple[Places, Places]]) -> None:
        """Around the values is what the first line has there; what controls there are belong to that.

        So a quote that is taken for the begin or end of a text is one, line by line from the first on.
        """
        import numpy as np

        starts, ends = zip(*bounds, strict=True)
        gaps = [*zip(ends, starts[1:], self._between, strict=False)]
        gaps.append((ends[-1][:-1], starts[0][1:], np.r_[self._tail, self._head]))
        gaps.append((np.zeros(1, np.int64), starts[0][:1], self._head))
        gaps.append((ends[-1][-1:], np.array([len(part)]), self._tail))
        alike = all(_is_at(part, *gap) for gap in gaps)
        if not alike or any((end < start).any() for start, end in bounds):
            raise Abstained


def _row(first: bytes) -> dict[str, Any]:
    """The first line's row, of texts, whole numbers and truth values."""
    if not first.endswith(b"\n") or first.count(b"\r") != first.endswith(b"\r\n"):
        raise Abstained
    try:
        row = strict_json.decode(first.decode())
    except (strict_json.Flaw, UnicodeDecodeError) as flaw:
        raise Abstained from flaw
    if not isinstance(row, dict) or not row or not {str, int, bool}.issuperset(map(type, row.values())):
        raise Abstained
    return row


def _values(first: bytes, row: list[Any]) -> tuple[list[_Value], list[int]]:
    """How to find each value in any line, and the places where those of the first begin and end."""
    pairs = list(_PAIR.finditer(first))
    found: list[_Value] = []
    bounds: list[int] = []
    n_quotes = 0
    for at, (pair, value) in enumerate(zip(pairs, row, strict=True)):
        start, end = pair.span(2)
        if isinstance(value, str):
            found.append(_Value(str, n_quotes + 2, 1, n_quotes + 3, 0))
            bounds += [start + 1, end - 1]
            n_quotes += 4
            continue
        is_last = at + 1 == len(pairs)
        before = (len(first) if is_last else pairs[at + 1].start()) - end
        found.append(
            _Value(type(value), n_quotes + 1, start - pair.end(1) + 1, None if is_last else n_quotes + 2, before)
        )
        bounds += [start, end]
        n_quotes += 2
    return found, bounds


def _quotes(places: Places, kinds: Bytes) -> Places:
    """Those that begin or end a text: behind an even number of backslashes."""
    import numpy as np

    real = kinds == QUOTE
    backslashes = np.flatnonzero(kinds == BACKSLASH)
    if len(backslashes):
        begins = np.flatnonzero(np.diff(places[backslashes], prepend=-2) != 1)  # of those that follow one another
        ends = np.append(begins[1:], len(backslashes))
        last = backslashes[ends - 1][(ends - begins) % 2 == 1]
        real[last[places[last + 1] == places[last] + 1] + 1] = False  # the last mark of all is a line's end
    found: Places = places[real]
    return found


def _is_at(part: Bytes, starts: Places, ends: Places, what: Bytes) -> bool:
    """Whether these very bytes are in the part from each start to its end."""
    import numpy as np

    if not (ends - starts == len(what)).all():
        return False
    if not len(starts):
        return True
    windows = np.ndarray((len(part) - len(what) + 1,), f"V{len(what)}", part, strides=(1,))
    found: bytes = windows[starts].tobytes()
    return found == what.tobytes() * len(starts)


def _column(part: Bytes, starts: Places, ends: Places, kind: type, escapes: Places) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = cut(part, starts, ends)
    if kind is str:
        return replaced(texts, _with_any(starts, ends, escapes), _unescaped)
    if not pc.all(pc.match_substring_regex(texts, "^(true|false)$" if kind is bool else _INTEGER)).as_py():
        raise Abstained
    return texts.cast(pa.bool_() if kind is bool else pa.int64())


def _with_any(starts: Places, ends: Places, places: Places) -> NDArray[np.bool_]:
    """For each stretch whether any of the places is in it; all are in order."""
    import numpy as np

    last = np.searchsorted(starts, places, side="right") - 1  # the last stretch that begins before it
    inside = last[(last >= 0) & (places < ends[last])]
    found = np.zeros(len(starts), np.bool_)
    found[inside] = True
    return found


def _unescaped(texts: pa.Array) -> pa.Array:
    import numpy as np

    whole, bounds = content(texts)
    written = whole[bounds[0] : bounds[-1]].copy()
    escapes = np.flatnonzero(written == BACKSLASH)
    # a backslash that is the last byte stands behind another, for which there is no such character
    behind = np.minimum(escapes + 1, len(written) - 1)
    characters = _simple()[written[behind]]
    if not characters.all():
        return _decoded(texts)
    written[behind] = characters
    return without(written, bounds, escapes)


@cache
def _simple() -> Bytes:
    """For each byte, what it stands for behind a backslash; 0 where that is not one byte, or is a backslash too."""
    import numpy as np

    found = np.zeros(256, np.uint8)
    for behind, character in _SIMPLE.items():
        found[ord(behind)] = ord(character)
    return found


def _decoded(texts: pa.Array) -> pa.Array:
    import orjson
    import pyarrow as pa

    written = b'["' + b'","'.join(texts.cast(pa.binary()).to_pylist()) + b'"]'
    if b"\\u0000" in written:
        raise Abstained
    try:
        return pa.array(orjson.loads(written), pa.string())
    except orjson.JSONDecodeError as error:
        raise Abstained from error
