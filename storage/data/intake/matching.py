"""Matches column names with the fields of a shape, in any of the languages that `column_names` knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.data.intake.choices import joined
from storage.data.intake.contents import could_be_label, is_answer
from storage.data.intake.looking import Look
from storage.data.intake.tally import Column
from templates.column_names import TOGETHER, english, stands_for
from templates.spec import RowShape, ShapeField

WRITABLE = ("text", "integer", "boolean")
"""Kinds of columns that can serve as a text."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages", "mixed"),
    "tools": ("text", "list", "texts", "mixed"),
    "text": (*WRITABLE, "texts", "mixed"),
    "prompt": ("text", "messages", "mixed"),
    "system": ("text", "mixed"),
    "answer": ("text", "messages", "object", "mixed"),
    "boolean": ("boolean", "integer", "text", "mixed"),
}
"""Kinds of columns that can hold a field of each kind."""


@dataclass
class Fit:
    """How well a file's columns fit a shape's fields."""

    shape: RowShape
    mapping: dict[str, str] = field(default_factory=dict)
    """Field → column, or columns joined by “ + ”."""
    reasons: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    """Field → columns, one by one."""
    open: dict[str, str] = field(default_factory=dict)
    """For fields without a column: the question to the user."""

    @property
    def used(self) -> set[str]:
        """The columns in the mapping, one by one."""
        return {column for columns in self.columns.values() for column in columns}

    @property
    def required(self) -> list[ShapeField]:
        """The fields that need a column."""
        return [f for f in self.shape.fields if f.required]

    @property
    def missing(self) -> list[str]:
        """The required fields without one."""
        return [f.name for f in self.required if f.name not in self.mapping]

    @property
    def label(self) -> str | None:
        """The field with one of a fixed set of labels."""
        return self.required[-1].name if "label_accuracy" in self.shape.metrics else None

    @property
    def has_pair(self) -> bool:
        """Whether a row is a text and what to answer to it, each in its own column."""
        return not self.shape.judged and len(self.required) == 2

    def take(self, wanted: ShapeField, columns: list[Column], reason: str) -> None:
        """Fill a field."""
        self.columns[wanted.name] = [column.name for column in columns]
        self.mapping[wanted.name] = joined(self.columns[wanted.name])
        self.reasons[wanted.name] = reason

    def copy(self) -> Fit:
        """The same, to be changed."""
        return Fit(self.shape, dict(self.mapping), dict(self.reasons), dict(self.columns), dict(self.open))


def by_name(look: Look, shape: RowShape) -> Fit:
    """The columns whose names say which field they fill."""
    fit = Fit(shape)
    for wanted in shape.fields:
        exact = named(look, wanted, fit.used)
        column = exact or _alike(look, wanted, fit)
        together = _together(look, fit, wanted, column) if wanted.kind in ("text", "prompt") else []
        if together:
            fit.take(wanted, together, f"{called(together)} together form the {wanted.title.lower()}.")
        elif column and not exact:
            fit.take(wanted, [column], f"Its name says that “{column.name}” holds the {wanted.title.lower()}.")
        elif column and column.name.lower() == wanted.name:
            fit.take(wanted, [column], f"The column is called “{column.name}”.")
        elif column:
            fit.take(wanted, [column], f"A column called “{column.name}” usually holds the {wanted.title.lower()}.")
    return fit


def called(columns: list[Column]) -> str:
    """The columns' names: “a”, “b” and “c”."""
    names = [f"“{column.name}”" for column in columns]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def named(look: Look, wanted: ShapeField, taken: set[str]) -> Column | None:
    """The column with one of the field's usual names, the best name first."""
    found = {english(c.name): c for c in reversed(look.columns) if c.name not in taken}
    candidates = (found.get(alias) for alias in wanted.aliases)
    return next((c for c in candidates if c is not None and c.kind in KINDS[wanted.kind]), None)


def _alike(look: Look, wanted: ShapeField, fit: Fit) -> Column | None:
    """The only column whose name holds a word for the field, such as “customer_question”."""
    if not fit.has_pair or not wanted.required or wanted.kind != "text":
        return None
    if wanted is fit.required[0]:
        if fit.label:
            return None  # a text can be called anything
        found = [c for c in look.columns if stands_for("question", c.name) and not stands_for("bookkeeping", c.name)]
    elif fit.label:
        found = [c for c in look.columns if stands_for("label", c.name) and could_be_label(c)]
    else:
        found = [c for c in look.columns if is_answer(c)]
    found = [c for c in found if c.name not in fit.used and c.kind in KINDS["text"]]
    return found[0] if len(found) == 1 else None


def _together(look: Look, fit: Fit, wanted: ShapeField, column: Column | None) -> list[Column]:
    """The columns that form this field together, if they include the one found by name or none was found."""
    is_first = wanted.kind == "prompt" or wanted is fit.required[0]
    if not is_first or (column is None and not fit.shape.has_answers):
        return []
    free = {english(c.name): c for c in reversed(look.columns) if c.name not in fit.used}
    for group in TOGETHER:
        is_asked = not {name for names in group for name in names}.isdisjoint({"instruction", "question"})
        if is_asked and not {"instruction", "question"} & set(wanted.aliases):
            continue
        if group[0][0] == "title" and not fit.has_pair:
            continue  # the text of a document has its title in it
        found = [next((free[name] for name in names if name in free), None) for names in group]
        parts = [one for one in found if one is not None and one.kind in ("text", "empty")]
        whole = found[0] is not None and len(parts) > 1 and parts[0] is found[0]
        if whole and (column is None or column in parts) and any(one.kind == "text" for one in parts):
            return parts
    return []
