"""Counts over a column while its values go by, one at a time or many at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

MAX_DISTINCT = 1_000
N_SAMPLES = 3
SAMPLE_CHARS = 300


@dataclass
class Column:
    """What one column holds. Values are those of the file, before any mapping."""

    name: str
    kind: str = "empty"
    """`text`, `integer`, `number`, `boolean`, `messages`, `list`, `object`, `other`, `empty`, or `mixed`."""
    samples: list[str] = field(default_factory=list)
    """The first different values, shortened."""
    n_distinct: int = 0
    """Different values, counted up to `MAX_DISTINCT`."""
    n_missing: int = 0
    """Rows without a value: null, blank, or no such key."""
    mean_chars: float = 0.0


def kind_of(value: Any) -> str:
    """The kind of one value, in the words of `Column.kind`."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "empty"
    if isinstance(value, list):
        return "messages" if any(_is_message(item) for item in value) else "list"
    kinds = {str: "text", bool: "boolean", int: "integer", float: "number", dict: "object"}
    return kinds.get(type(value), "other")


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and ({"role", "content"} <= value.keys() or {"from", "value"} <= value.keys())


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except RecursionError:
        return "(nested too deep to be shown)"


class Tally:
    """What is known of a column so far."""

    def __init__(self, name: str):
        self.column = Column(name)
        self._kinds: set[str] = set()
        self._distinct: set[int] = set()
        self._n_present = self._n_chars = 0

    def add(self, value: Any) -> None:
        """One more value."""
        kind = kind_of(value)
        if kind == "empty":
            return
        text = value if isinstance(value, str) else _shown(value)
        self._kinds.add(kind)
        self._n_present += 1
        self._n_chars += len(text)
        self._meet(text)

    def add_all(self, values: pa.Array) -> None:
        """Many more values: texts, whole numbers or truth values."""
        import pyarrow as pa
        import pyarrow.compute as pc

        is_text = pa.types.is_string(values.type)
        missing = blank(values) if is_text else values.is_null()
        present = values.filter(pc.invert(missing)) if missing.true_count else values
        if not len(present):
            return
        self._kinds.add(kind_of(present[0].as_py()))
        self._n_present += len(present)
        self._n_chars += _n_chars(present.cast(pa.string()))
        # some at a time: mostly the first are enough, and new memory for all would take longer than all else here
        for start in range(0, len(present), MAX_DISTINCT):
            if len(self._distinct) > MAX_DISTINCT:
                return
            for value in pc.unique(present.slice(start, MAX_DISTINCT)).to_pylist():
                self._meet(value if is_text else _shown(value))

    def _meet(self, text: str) -> None:
        if len(self._distinct) <= MAX_DISTINCT:
            new = hash(text) not in self._distinct
            self._distinct.add(hash(text))
            if new and len(self.column.samples) < N_SAMPLES:
                self.column.samples.append(text[:SAMPLE_CHARS])

    def finish(self, n_rows: int) -> Column:
        """The column, after all of the file's `n_rows` rows."""
        column = self.column
        if self._kinds:
            column.kind = self._kinds.pop() if len(self._kinds) == 1 else "mixed"
        column.n_distinct = min(len(self._distinct), MAX_DISTINCT)
        column.n_missing = n_rows - self._n_present
        column.mean_chars = self._n_chars / self._n_present if self._n_present else 0.0
        return column


def blank(texts: pa.Array) -> pa.Array:
    """For each text whether it is missing or holds nothing but blanks, in Python's sense of them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    found = np.zeros(len(texts), np.bool_)
    doubtful = np.flatnonzero(~_begins_visibly(texts))
    if len(doubtful):
        some = texts.take(pa.array(doubtful))
        marked = pc.fill_null(pc.match_substring_regex(some, "[!-~]"), False).to_numpy(zero_copy_only=False)
        doubtful = doubtful[~marked]
        found[doubtful] = [text is None or not text.strip() for text in texts.take(pa.array(doubtful)).to_pylist()]
    return pa.array(found)


def _begins_visibly(texts: pa.Array) -> NDArray[np.bool_]:
    """For each text whether its first character is surely no blank, as it is with nearly all."""
    import numpy as np

    if not len(texts):
        return np.zeros(0, np.bool_)
    written, bounds = content(texts)
    firsts = written.take(bounds[:-1], mode="clip") if len(written) else np.zeros(len(texts), np.uint8)
    visible: NDArray[np.bool_] = _surely_visible().take(firsts) & (bounds[1:] > bounds[:-1])
    return visible & texts.is_valid().to_numpy(zero_copy_only=False) if texts.null_count else visible


@cache
def _surely_visible() -> NDArray[np.bool_]:
    """For each byte whether no blank begins with it in UTF-8."""
    import numpy as np

    found = np.ones(256, np.bool_)
    found[[character.encode()[0] for character in map(chr, range(0x10000)) if character.isspace()]] = False
    return found


def _n_chars(texts: pa.Array) -> int:
    """Of all the texts, of which none is missing."""
    import numpy as np

    written, bounds = content(texts)
    used = written[bounds[0] : bounds[-1]]
    if not len(used) or used.max() < 128:
        return len(used)
    # as a signed number, each byte that goes on with a character of several is less than this
    return len(used) - int(np.count_nonzero(used.view(np.int8) < -64))


def content(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The UTF-8 of some texts, and where in it each begins and the last ends."""
    import numpy as np

    _, bounds, written = texts.buffers()
    places = np.frombuffer(bounds, np.int32, len(texts) + 1, texts.offset * np.dtype(np.int32).itemsize)
    return np.frombuffer(written or b"", np.uint8), places
