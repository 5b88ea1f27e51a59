"""Guesses a file's row shape and the column for each field, and gives reasons."""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.data.intake.contents import (
    is_answer,
    is_fact,
    is_free_text,
    is_label,
    likeliest_labels,
    times,
)
from storage.data.intake.judgements import SPELLED
from storage.data.intake.looking import Look
from storage.data.intake.matching import KINDS, WRITABLE, Fit, by_name, called, named
from storage.data.intake.tally import MAX_DISTINCT, Column
from templates import registry
from templates.column_names import english, stands_for
from templates.spec import RowShape, ShapeField

__all__ = ["KINDS", "Guess", "guess"]

UNSAID = ("integer", "number", "boolean", "empty")
"""Kinds of columns that can't be an answer to a prompt."""
FEW_LABELS_SHARE = 0.5
MIN_ROWS_TO_DOUBT = 50
"""With fewer rows, a column named like a label counts as one, whatever its variety."""
TEXT_NAMES = frozenset(("text", "message", "body", "content", "description", "comment", "review", "sentence"))
N_ASKED = 5
"""Maximum number of columns that a question names."""


@dataclass(frozen=True)
class Guess:
    """A proposal for the user to change: `mapping` is field → column, or columns joined by “ + ”."""

    shape: str
    shape_reason: str
    mapping: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """One sentence per mapped field."""
    open: dict[str, str] = field(default_factory=dict)
    """For fields that several columns could fill: the question."""


def guess(look: Look, shape: str | None = None) -> Guess:
    """The likeliest shape (or the given one) and mapping; fields that nothing fits may stay open."""
    choices = [registry.shape(shape)] if shape else list(registry.shapes().values())
    fits = [by_name(look, choice) for choice in choices]
    whole = [fit for fit in fits if not fit.missing and (shape or _plausible(fit, look))]
    if whole:
        best = max(whole, key=lambda fit: _rank(fit, look))
        columns = [part for f in best.shape.fields for part in best.columns.get(f.name, ())]
        names = ", ".join(f"“{column}”" for column in columns)
        verb = "columns are" if len(columns) > 1 else "column is"
        return Guess(best.shape.key, f"The {verb} called {names}.", best.mapping, best.reasons)
    completed = [_completed(fit, look) for fit in fits]
    whole = [fit for fit in completed if not fit.missing and fit.has_pair and (shape or _convincing(fit, look))]
    if whole:
        best = max(whole, key=lambda fit: (_answers(fit, look), fit.label is not None))
        reasons = " ".join(dict.fromkeys(best.reasons[wanted.name] for wanted in best.required))
        mapping = {f.name: best.mapping[f.name] for f in best.shape.fields if f.name in best.mapping}
        return Guess(best.shape.key, reasons, mapping, best.reasons)
    by_content = _by_content(look, choices)
    if by_content:
        return by_content
    nearest = max(completed, key=lambda fit: _nearness(fit, look))
    why = "We couldn't match all the columns; choose them yourself."
    return Guess(nearest.shape.key, why, nearest.mapping, nearest.reasons, nearest.open)


def _rank(fit: Fit, look: Look) -> tuple[bool, bool, int, bool, bool]:
    """Judged answers come first, because their column names are unmistakable, and conversations second.

    After those, the shape that uses the most columns; in a tie, the one with answers, then that with fixed labels.
    """
    has_messages = any(f.kind == "messages" for f in fit.shape.fields)
    return fit.shape.judged, has_messages, len(fit.required), _answers(fit, look), fit.label is not None


def _answers(fit: Fit, look: Look) -> bool:
    """Whether a column that is called an answer is learned."""
    return any(is_answer(column) for column in look.columns if column.name in fit.used)


def _nearness(fit: Fit, look: Look) -> tuple[bool, bool, int, bool, int, bool]:
    """If nothing fits: the shape that the file's text columns could fill, preferably with free texts."""
    n_texts = sum(column.kind in WRITABLE for column in look.columns)
    fillable = len(fit.required) <= n_texts and all(f.kind == "text" for f in fit.required)
    n_named = sum(f.name in fit.mapping for f in fit.shape.fields if f.kind != "tools")
    asks = bool(fit.open) and (fit.label is None or not any(map(is_answer, look.columns)))
    return not fit.shape.judged, asks, n_named, fillable, len(fit.required), fit.label is None


def _plausible(fit: Fit, look: Look) -> bool:
    """Labels must be few and judgements at most two; no answer or label may be left out.

    For prompts alone there must be no other text column either.
    """
    if len(fit.required) == 1 and not any(f.kind == "messages" for f in fit.shape.fields):
        others = [column for column in look.columns if column.name not in fit.used]
        if any(is_answer(column) or is_label(column) for column in others):
            return False
        return fit.shape.has_answers or all(column.kind in UNSAID for column in others)
    judgement = next((f.name for f in fit.shape.fields if f.kind == "boolean"), None)
    if judgement:
        return _judges(fit, look, judgement)
    if fit.label is None:
        return True
    column = look.column(fit.mapping[fit.label])
    return column is not None and (look.n_rows < MIN_ROWS_TO_DOUBT or _few_values(column, look))


def _convincing(fit: Fit, look: Look) -> bool:
    """Whether a fit that content completed leaves no answer out and, if it has labels, these recur."""
    if any(is_answer(column) for column in look.columns if column.name not in fit.used):
        return _answers(fit, look)
    column = look.column(fit.mapping[fit.label]) if fit.label else None
    return _plausible(fit, look) and (column is None or _few_values(column, look))


def _judges(fit: Fit, look: Look, judgement: str) -> bool:
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


def _completed(fit: Fit, look: Look) -> Fit:
    """A text and its answer or label, where one is known by name or by content: the other one by content."""
    if not fit.has_pair or not fit.missing:
        return fit
    made = fit.copy()
    first, last = made.required
    if made.label and last.name in made.missing:
        _fill(made, last, likeliest_labels(c for c in look.columns if c.name not in made.used), "label")
    if made.missing and (made.open or len(made.missing) < len(made.required)):
        for wanted in (first, last):
            if wanted.name in made.missing and not (made.label and wanted is last):
                _fill(made, wanted, _texts(look, made, wanted is last), "text")
    return made


def _texts(look: Look, fit: Fit, are_answers: bool) -> list[Column]:
    """The unused columns that could be a prompt, or else an answer: by name or, without other texts, by content."""
    unused = [c for c in look.columns if c.name not in fit.used]
    free = [c for c in unused if is_free_text(c)]
    if not are_answers:
        return [c for c in free if not is_answer(c)] or free
    named_so = [c for c in unused if is_answer(c) and c.kind in KINDS["text"]]
    others = [c for c in unused if c not in free and c.kind not in UNSAID and not stands_for("bookkeeping", c.name)]
    return named_so or ([] if others else free)


def _fill(fit: Fit, wanted: ShapeField, candidates: list[Column], what: str) -> None:
    """Take the only candidate, or the only one called a text; ask if there are several."""
    texts = [c for c in candidates if english(c.name) in TEXT_NAMES] if what == "text" else []
    if len(candidates) > 1 and len(texts) == 1:
        fit.take(wanted, texts, f"A column called “{texts[0].name}” usually holds the {wanted.title.lower()}.")
    elif len(candidates) == 1:
        only = candidates[0]
        why = f"“{only.name}” has only {times(only)}"
        other = "other " if fit.used else ""
        reason = why if what == "label" else f"“{only.name}” is the only {other}column of free text"
        fit.take(wanted, candidates, f"By content: {reason}.")
    elif candidates:
        more = f" and {len(candidates) - N_ASKED} more" if len(candidates) > N_ASKED else ""
        could = f"{called(candidates[:N_ASKED])}{more}"
        fit.open[wanted.name] = f"Several columns could be the {wanted.title.lower()}: {could}. Which one is it?"


def _by_content(look: Look, choices: list[RowShape]) -> Guess | None:
    """Choose by content: a list of messages, or texts by length and variety."""
    conversations = [c for c in look.columns if c.kind == "messages"]
    texts = [c for c in look.columns if c.kind in WRITABLE]
    words = [c for c in texts if c.kind == "text"]
    nested = any(c.kind in ("list", "texts", "object", "mixed") for c in look.columns)
    left_out = any(is_answer(c) or (is_label(c) and len(words) == 1) for c in look.columns if c not in texts)
    found: list[tuple[RowShape, list[Column], str]] = []
    for shape in (one for one in choices if not one.judged and (one.has_answers or len(choices) == 1)):
        required = [f for f in shape.fields if f.required]
        if required[0].kind == "messages":
            if len(conversations) == 1:
                found.append((shape, conversations, "it is the only column with messages"))
        elif left_out and len(choices) > 1:
            continue
        elif len(required) == 1 and len(words) == 1 and not nested:
            found.append((shape, words, "it is the only text column"))
        elif len(required) == 2 and len(texts) == 2 and words:
            found += _pair(look, shape, texts)
    if not found:
        return None
    shape, columns, why = max(
        found, key=lambda f: (f[0].fields[0].kind == "messages", len(f[1]), "label_accuracy" in f[0].metrics)
    )
    required = [f for f in shape.fields if f.required]
    mapping = {f.name: c.name for f, c in zip(required, columns, strict=True)}
    for wanted in (f for f in shape.fields if f.kind == "tools"):
        if column := named(look, wanted, set(mapping.values())):
            mapping[wanted.name] = column.name
    reasons = dict.fromkeys(mapping, f"By content: {why}.")
    return Guess(shape.key, f"By content: {why}.", mapping, reasons)


def _pair(look: Look, shape: RowShape, texts: list[Column]) -> list[tuple[RowShape, list[Column], str]]:
    """A file's only two text columns as text and label or, if none of them has labels, as prompt and answer."""
    if "label_accuracy" not in shape.metrics:
        ordered = "the file has two text columns, in this order"
        return [] if is_fact(texts[0]) else [(shape, texts, ordered)]
    label = min(texts, key=lambda c: c.n_distinct)
    text = next(c for c in texts if c is not label)
    if not _few_values(label, look) or label.n_distinct < 2 or text.kind != "text":
        return []
    return [(shape, [text, label], f"the other column has only {times(label)}")]
