"""Counts a column's values as they are read, one at a time or many at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storage.data.intake import listed

if TYPE_CHECKING:
    import pyarrow as pa

MAX_DISTINCT = 1_000
N_SAMPLES = 3
SAMPLE_CHARS = 300
MAX_VALUES, MAX_VALUE_CHARS = 30, 60
"""The different values of a column are listed if there are at most so many, all this short."""


@dataclass
class Column:
    """The contents of one column. Values are those of the file, before any mapping."""

    name: str
    kind: str = "empty"
    """`text`, `integer`, `number`, `boolean`, `messages`, `list`, `object`, `other`, `empty`, or `mixed`.

    `texts` for lists of texts, as of labels, also beside texts.
    """
    samples: list[str] = field(default_factory=list)
    """The first different values, shortened."""
    n_distinct: int = 0
    """Number of different values, counted up to `MAX_DISTINCT`."""
    n_missing: int = 0
    """Rows without a value: null, blank, or no such key."""
    mean_chars: float = 0.0
    values: list[str] = field(default_factory=list)
    """All the different values, if they are few and short."""
    writes_lists: bool = False
    """Whether some of the texts are lists written out, such as `["a"]`."""
    n_rows: int = 0
    """All rows of the file."""

    @property
    def n_present(self) -> int:
        """Rows with a value."""
        return self.n_rows - self.n_missing


def kind_of(value: Any) -> str:
    """The kind of one value, named as in `Column.kind`."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "empty"
    if isinstance(value, (list, dict)) and listed.texts(value):
        return "texts"
    if isinstance(value, list):
        return "messages" if any(_is_message(item) for item in value) else "list"
    kinds = {str: "text", bool: "boolean", int: "integer", float: "number", dict: "object"}
    return kinds.get(type(value), "other")


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and ({"role", "content"} <= value.keys() or {"from", "value"} <= value.keys())


def _shown(value: Any) -> str:
    if texts := listed.texts(value):
        return ", ".join(texts)
    try:
        return repr(value)
    except RecursionError:
        return "(nested too deep to be shown)"


class Tally:
    """The counts for a column so far."""

    def __init__(self, name: str):
        self.column = Column(name)
        self._kinds: set[str] = set()
        self._distinct: set[int] = set()
        self._values: list[str] = []
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

        missing = blank(values)
        present = values.filter(pc.invert(missing)) if missing.true_count else values
        if not len(present):
            return
        self._kinds.add(kind_of(present[0].as_py()))
        self._n_present += len(present)
        self._n_chars += pc.sum(pc.utf8_length(present.cast(pa.string()))).as_py()
        # a few at a time: the first are usually enough, and allocating memory for all would take longer than the rest
        for start in range(0, len(present), MAX_DISTINCT):
            if len(self._distinct) > MAX_DISTINCT:
                return
            for value in pc.unique(present.slice(start, MAX_DISTINCT)).to_pylist():
                self._meet(value if isinstance(value, str) else _shown(value))

    def _meet(self, text: str) -> None:
        if len(self._distinct) <= MAX_DISTINCT:
            new = hash(text) not in self._distinct
            self._distinct.add(hash(text))
            if new and len(self.column.samples) < N_SAMPLES:
                self.column.samples.append(text[:SAMPLE_CHARS])
            self.column.writes_lists |= new and listed.written(text) is not None
            if new and len(self._values) <= MAX_VALUES:
                self._values.append(text[: MAX_VALUE_CHARS + 1])

    def finish(self, n_rows: int) -> Column:
        """The column, after all of the file's `n_rows` rows."""
        column = self.column
        if self._kinds == {"text", "texts"}:
            column.kind = "texts"  # exports list several labels, and write a single one as it is
        elif self._kinds:
            column.kind = self._kinds.pop() if len(self._kinds) == 1 else "mixed"
        column.n_distinct = min(len(self._distinct), MAX_DISTINCT)
        column.n_rows, column.n_missing = n_rows, n_rows - self._n_present
        if len(self._values) <= MAX_VALUES and all(len(value) <= MAX_VALUE_CHARS for value in self._values):
            column.values = self._values
        column.mean_chars = self._n_chars / self._n_present if self._n_present else 0.0
        return column


def blank(values: pa.Array) -> pa.Array:
    """For each value, whether it is missing or a text of only whitespace."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(values.type):
        return values.is_null()
    return pc.fill_null(pc.or_(pc.utf8_is_space(values), pc.equal(pc.binary_length(values), 0)), True)
