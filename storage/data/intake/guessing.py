"""Guesses a file's row shape and the column for each field, and gives reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.data.intake.judgements import SPELLED
from storage.data.intake.looking import Look
from storage.data.intake.tally import MAX_DISTINCT, Column
from templates import registry
from templates.spec import RowShape, ShapeField

WRITABLE = ("text", "integer", "boolean")
"""Kinds of columns that can serve as a text."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages", "mixed"),
    "tools": ("text", "list", "mixed"),
    "text": (*WRITABLE, "mixed"),
    "prompt": ("text", "messages", "mixed"),
    "system": ("text", "mixed"),
    "answer": ("text", "messages", "object", "mixed"),
    "boolean": ("boolean", "integer", "text", "mixed"),
}
"""Kinds of columns that can hold a field of each kind."""
UNSAID = ("integer", "number", "boolean", "empty")
"""Kinds of columns that can't be an answer to a prompt."""
JOINT = " + "
"""Separates the names of columns joined into one field."""
JOINED = (("instruction", "input"), ("context", "question"))
"""Pairs of column names that together form the prompt in widespread layouts (Alpaca, SQuAD)."""
FEW_LABELS_SHARE = 0.5
MIN_ROWS_TO_DOUBT = 50
"""With fewer rows, a column named like a label counts as one, whatever its variety."""


@dataclass(frozen=True)
class Guess:
    """A proposal for the user to change: `mapping` is field → column."""

    shape: str
    shape_reason: str
    mapping: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """One sentence per mapped field."""


@dataclass
class _Fit:
    """How well the column names fit a shape's fields."""

    shape: RowShape
    mapping: dict[str, str]
    reasons: dict[str, str]

    @property
    def missing(self) -> list[str]:
        return [f.name for f in self.shape.fields if f.required and f.name not in self.mapping]


def guess(look: Look, shape: str | None = None) -> Guess:
    """The likeliest shape (or the given one) and mapping; fields that nothing fits may stay open."""
    choices = [registry.shape(shape)] if shape else list(registry.shapes().values())
    fits = [_fit(look, choice) for choice in choices]
    whole = [fit for fit in fits if not fit.missing and (shape or _plausible(fit, look))]
    if whole:
        best = max(whole, key=lambda fit: _rank(fit))
        names = ", ".join(f"“{column}”" for column in best.mapping.values())
        called = "columns are" if len(best.mapping) > 1 else "column is"
        return Guess(best.shape.key, f"The {called} called {names}.", best.mapping, best.reasons)
    by_content = _by_content(look, choices)
    if by_content:
        return by_content
    nearest = max(fits, key=lambda fit: _nearness(fit, look))
    return Guess(
        nearest.shape.key, "We couldn't match all the columns; choose them yourself.", nearest.mapping, nearest.reasons
    )


def _rank(fit: _Fit) -> tuple[bool, bool, int, bool]:
    """Judged answers come first, because their column names are unmistakable, and conversations second.

    After those, the shape that uses the most columns; in a tie, the one with fixed labels.
    """
    has_messages = any(f.kind == "messages" for f in fit.shape.fields)
    n_required = sum(f.required for f in fit.shape.fields)
    return fit.shape.judged, has_messages, n_required, "label_accuracy" in fit.shape.metrics


def _nearness(fit: _Fit, look: Look) -> tuple[bool, int, bool, int, bool]:
    """If nothing fits: the shape that the file's text columns could fill, preferably with free texts."""
    n_texts = sum(column.kind in WRITABLE for column in look.columns)
    required = [f for f in fit.shape.fields if f.required]
    fillable = len(required) <= n_texts and all(f.kind == "text" for f in required)
    n_named = sum(f.name in fit.mapping for f in fit.shape.fields if f.kind != "tools")
    return not fit.shape.judged, n_named, fillable, len(required), "label_accuracy" not in fit.shape.metrics


def _fit(look: Look, shape: RowShape) -> _Fit:
    fit = _Fit(shape, {}, {})
    for wanted in shape.fields:
        column = _named(look, wanted, taken=set(fit.mapping.values()))
        if column is None:
            continue
        joined = _joined(look, column) if wanted.kind in ("text", "prompt") else None
        fit.mapping[wanted.name] = joined or column.name
        if joined:
            first, second = (f"“{name}”" for name in joined.split(JOINT))
            fit.reasons[wanted.name] = f"{first} and {second} together are the {wanted.title.lower()}."
        elif column.name.lower() == wanted.name:
            fit.reasons[wanted.name] = f"The column is called “{column.name}”."
        else:
            fit.reasons[wanted.name] = f"A column called “{column.name}” usually holds the {wanted.title.lower()}."
    return fit


def _named(look: Look, wanted: ShapeField, taken: set[str]) -> Column | None:
    by_name = {c.name.strip().lower(): c for c in reversed(look.columns) if c.name not in taken}
    candidates = (by_name.get(alias) for alias in wanted.aliases)
    return next((c for c in candidates if c is not None and c.kind in KINDS[wanted.kind]), None)


def _joined(look: Look, column: Column) -> str | None:
    for pair in JOINED:
        columns = [look.column(name) for name in pair]
        if column in columns and all(one and one.kind in ("text", "empty") for one in columns):
            return JOINT.join(pair)
    return None


def _plausible(fit: _Fit, look: Look) -> bool:
    """Labels must be few, judgements at most two; for prompts alone there must be no other text column."""
    if not fit.shape.has_answers:
        used = {part for column in fit.mapping.values() for part in (column, *column.split(JOINT))}
        return all(column.name in used or column.kind in UNSAID for column in look.columns)
    judgement = next((f.name for f in fit.shape.fields if f.kind == "boolean"), None)
    if judgement:
        return _judges(fit, look, judgement)
    if "label_accuracy" not in fit.shape.metrics:
        return True
    label = [f.name for f in fit.shape.fields if f.required][-1]
    column = look.column(fit.mapping[label])
    return column is not None and (look.n_rows < MIN_ROWS_TO_DOUBT or _few_values(column, look))


def _judges(fit: _Fit, look: Look, judgement: str) -> bool:
    """Whether a column says if answers to a known prompt are good.

    A column that is just called “label” can mean anything, unless the answer column has the field's own name.
    """
    answer = next(f.name for f in fit.shape.fields if f.kind == "answer")
    label, answers = look.column(fit.mapping[judgement]), look.column(fit.mapping[answer])
    if label is None or answers is None:
        return False
    asked = answers.kind == "messages" or any(f.kind == "prompt" and f.name in fit.mapping for f in fit.shape.fields)
    known = label.samples if label.n_distinct == len(label.samples) else [""]
    is_truth = all(one.strip().lower() in SPELLED for one in known)
    return asked and is_truth and (label.name.lower() != judgement or answers.name.lower() == answer)


def _few_values(column: Column, look: Look) -> bool:
    return column.n_distinct < MAX_DISTINCT and column.n_distinct <= max(2, look.n_rows * FEW_LABELS_SHARE)


def _by_content(look: Look, choices: list[RowShape]) -> Guess | None:
    """Choose by content: a list of messages, or texts by length and variety."""
    conversations = [c for c in look.columns if c.kind == "messages"]
    texts = [c for c in look.columns if c.kind in WRITABLE]
    words = [c for c in texts if c.kind == "text"]
    nested = any(c.kind in ("list", "object", "mixed") for c in look.columns)
    found: list[tuple[RowShape, list[Column], str]] = []
    for shape in (one for one in choices if not one.judged and (one.has_answers or len(choices) == 1)):
        required = [f for f in shape.fields if f.required]
        if required[0].kind == "messages":
            if len(conversations) == 1:
                found.append((shape, conversations, "it is the only column with messages"))
        elif len(required) == 1 and len(words) == 1 and not nested:
            found.append((shape, words, "it is the only text column"))
        elif len(required) == 2 and len(texts) == 2 and words:
            if "label_accuracy" in shape.metrics:
                label = min(texts, key=lambda c: c.n_distinct)
                text = next(c for c in texts if c is not label)
                if _few_values(label, look) and text.kind == "text":
                    found.append((shape, [text, label], "the other column has few different values"))
            else:
                found.append((shape, texts, "the file has two text columns, in this order"))
    if not found:
        return None
    shape, columns, why = max(
        found, key=lambda f: (f[0].fields[0].kind == "messages", len(f[1]), "label_accuracy" in f[0].metrics)
    )
    required = [f for f in shape.fields if f.required]
    mapping = {f.name: c.name for f, c in zip(required, columns, strict=True)}
    for wanted in (f for f in shape.fields if f.kind == "tools"):
        if column := _named(look, wanted, taken=set(mapping.values())):
            mapping[wanted.name] = column.name
    reasons = dict.fromkeys(mapping, f"By content: {why}.")
    return Guess(shape.key, f"By content: {why}.", mapping, reasons)
