"""JSON lines that differ in nothing but their texts: the same bytes around them in every line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.intake import strict_json
from storage.intake.columnar.columns import Abstained, Columns
from storage.intake.columnar.parts import BACKSLASH, NEWLINE, QUOTE, Marks, batches, cut, replaced
from storage.intake.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

    from storage.intake.columnar.parts import Bytes, Places

FIRST_BYTES = 1_000_000
"""The first line is no longer."""
MAX_BACKSLASHES = 64
"""In a row, before a quote."""
LAST_CONTROL = 31
PER_TEXT = 4
"""Quotes: two around the key, two around the text."""


def table(source: Source) -> Columns:
    """All rows; a row's number is its line. Raises `Abstained`."""
    with source.path.open("rb") as file:
        lines = _Lines(file.readline(FIRST_BYTES))
    return Columns(lines.names, batches(source, 0, lines.end, lines.take))


class _Lines:
    """Takes the rows out of a file's parts, and knows on which line it is."""

    def __init__(self, first: bytes):
        import numpy as np

        self.names = _names(first)
        self.end = b"\r\n" if first.endswith(b"\r\n") else b"\n"
        self._n_read = 0
        self._marks = Marks(up_to=LAST_CONTROL, which=(QUOTE, BACKSLASH))
        line = np.frombuffer(first, np.uint8)
        places, kinds = self._marks.find(line)
        quotes = _quotes(line, places[kinds == QUOTE])
        self._head, self._tail = line[: quotes[2] + 1], line[quotes[-1] :]
        closing, opening = quotes[3:-1:PER_TEXT], quotes[6::PER_TEXT]
        self._between = [line[begin : end + 1] for begin, end in zip(closing, opening, strict=True)]
        self._n_controls = int((kinds <= LAST_CONTROL).sum())

    def take(self, part: Bytes) -> tuple[pa.RecordBatch | None, int]:
        """The rows that end in the part, and how many bytes they have. Raises `Abstained`."""
        import numpy as np
        import pyarrow as pa

        places, kinds = self._marks.find(part)
        last = np.flatnonzero(kinds == NEWLINE)[-1:]
        if not len(last):
            return None, 0
        places, kinds = places[: last[0] + 1], kinds[: last[0] + 1]
        part = part[: places[-1] + 1]
        quotes = _quotes(part, places[kinds == QUOTE])
        if not len(quotes) or len(quotes) % (PER_TEXT * len(self.names)):
            raise Abstained
        quotes = quotes.reshape(-1, PER_TEXT * len(self.names))
        self._check(part, quotes, int((kinds <= LAST_CONTROL).sum()))
        escapes = places[kinds == BACKSLASH]
        texts = [(quotes[:, at] + 1, quotes[:, at + 1]) for at in range(2, quotes.shape[1], PER_TEXT)]
        columns = [_column(part, starts, ends, escapes) for starts, ends in texts]
        numbers = pa.array(np.arange(self._n_read + 1, self._n_read + 1 + len(quotes)))
        self._n_read += len(quotes)
        return pa.RecordBatch.from_arrays([numbers, *columns], names=["", *self.names]), len(part)

    def _check(self, part: Bytes, quotes: Places, n_controls: int) -> None:
        """Around the texts is what the first line has there, and no text holds a control character.

        So a quote that is taken for the begin or end of a text is one, line by line from the first on.
        """
        import numpy as np

        opening, closing = quotes[:, 2::PER_TEXT], quotes[:, 3::PER_TEXT]
        gaps = [(closing[:, at], opening[:, at + 1], between) for at, between in enumerate(self._between)]
        gaps.append((closing[:-1, -1], opening[1:, 0], np.r_[self._tail, self._head]))
        gaps.append((np.zeros(1, np.int64), opening[:1, 0], self._head))
        gaps.append((closing[-1:, -1], np.array([len(part) - 1]), self._tail))
        if n_controls != len(quotes) * self._n_controls or not all(_is_at(part, *gap) for gap in gaps):
            raise Abstained


def _names(first: bytes) -> list[str]:
    if not first.endswith(b"\n") or first.count(b"\r") != first.endswith(b"\r\n"):
        raise Abstained
    try:
        row = strict_json.decode(first.decode())
    except (strict_json.Flaw, UnicodeDecodeError) as flaw:
        raise Abstained from flaw
    if not isinstance(row, dict) or not row or not all(isinstance(value, str) for value in row.values()):
        raise Abstained
    return list(row)


def _quotes(part: Bytes, quotes: Places) -> Places:
    """Those that begin or end a text: behind an even number of backslashes."""
    import numpy as np

    escaped = part[quotes - 1] == BACKSLASH
    doubtful = quotes[escaped]
    still, odd = np.ones(len(doubtful), np.bool_), np.zeros(len(doubtful), np.bool_)
    for distance in range(1, MAX_BACKSLASHES + 2):
        still &= part[doubtful - distance] == BACKSLASH
        if not still.any():
            break
        odd ^= still
    else:
        raise Abstained
    escaped[escaped] = odd
    real: Places = quotes[~escaped]
    return real


def _is_at(part: Bytes, starts: Places, lasts: Places, what: Bytes) -> bool:
    """Whether these very bytes are in the part from each start to its last."""
    import numpy as np

    if not (lasts - starts == len(what) - 1).all():
        return False
    if not len(starts):
        return True
    windows = np.ndarray((len(part) - len(what) + 1,), f"V{len(what)}", part, strides=(1,))
    return bool((windows[starts].view(np.uint8).reshape(-1, len(what)) == what).all())


def _column(part: Bytes, starts: Places, ends: Places, escapes: Places) -> pa.Array:
    import numpy as np

    escaped = np.searchsorted(escapes, starts) < np.searchsorted(escapes, ends)
    return replaced(cut(part, starts, ends), escaped, _unescaped)


def _unescaped(texts: pa.Array) -> pa.Array:
    import orjson
    import pyarrow as pa

    written = b'["' + b'","'.join(texts.cast(pa.binary()).to_pylist()) + b'"]'
    if b"\\u0000" in written:
        raise Abstained
    try:
        return pa.array(orjson.loads(written), pa.string())
    except orjson.JSONDecodeError as error:
        raise Abstained from error
