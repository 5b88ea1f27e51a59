"""Asks about unused columns that look like an answer or a label, so that none is forgotten."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from storage.data.intake.choices import columns_of
from storage.data.intake.contents import could_be_label, is_answer, times
from storage.data.intake.looking import Look
from storage.data.intake.tally import Column
from templates.column_names import VAGUE, english, is_flag, stands_for

MAX_NAMED = 8
BY_NAME = "by its name"
CHOOSE_ANSWER = "If the model should learn it, choose it for a field."
CHOOSE_LABEL = "If the model should learn it, choose “Text and label” and this column as the label."
TAKE_OUT = "If the model should learn that, put it into a column of its own."
CHOOSE_ONE = "If the model should learn one of them, choose “Text and label” and that column as the label."

_KEY = re.compile(r"'([^'\\]{1,60})': ")
"""A key of an object as samples show it."""


def questions(look: Look, mapping: Mapping[str, str]) -> list[str]:
    """One sentence for each unused column that looks like an answer, and one for those that look like labels."""
    names = [column.name for column in look.columns]
    used = {part for choice in mapping.values() for part in columns_of(choice, names)}
    unused = [column for column in look.columns if column.name not in used]
    answers = [column for column in unused if is_answer(column)]
    is_answered = len(mapping) > 1  # yes and no about its rows are then facts
    others = [c for c in unused if c not in answers and not (is_answered and c.n_distinct <= 2 and is_flag(c.name))]
    labels = [(column.name, why) for column in others if (why := _why_label(column))]
    asked = [f"Column “{c.name}” looks like an answer ({BY_NAME}) but isn't used. {CHOOSE_ANSWER}" for c in answers]
    return asked + _about_labels(labels) + [asks for column in unused if (asks := _about_parts(column))]


def _about_parts(column: Column) -> str | None:
    """The question about a column of objects with an answer or a label in them."""
    if column.kind != "object" or is_answer(column):
        return None
    names = dict.fromkeys(name for one in column.samples for name in _KEY.findall(one))
    found = [n for n in names if (stands_for("answer", n) or stands_for("label", n)) and english(n) not in VAGUE]
    found = [f"“{name}”" for name in found if not stands_for("bookkeeping", name)]
    if not found:
        return None
    inside = " and ".join(found[:2])
    return f"Column “{column.name}” isn't used, but holds {inside}. {TAKE_OUT}"


def _why_label(column: Column) -> str | None:
    if could_be_label(column):
        return times(column)
    is_called = stands_for("label", column.name) and not stands_for("bookkeeping", column.name)
    return BY_NAME if is_called and column.n_distinct > 1 else None


def _about_labels(labels: Sequence[tuple[str, str]]) -> list[str]:
    if not labels:
        return []
    if len(labels) == 1:
        name, why = labels[0]
        return [f"Column “{name}” looks like a label ({why}) but isn't used. {CHOOSE_LABEL}"]
    listed = ", ".join(f"“{name}” ({why})" for name, why in labels[:MAX_NAMED])
    more = f" and {len(labels) - MAX_NAMED} more" if len(labels) > MAX_NAMED else ""
    return [f"These columns look like labels but aren't used: {listed}{more}. {CHOOSE_ONE}"]
