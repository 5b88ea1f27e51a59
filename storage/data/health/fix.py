"""Fixes, and their effect on stored rows: some rows are dropped, some texts rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from storage.data import row_files
from templates.spec import RowShape

if TYPE_CHECKING:
    from storage.data.health.check import Finding
    from storage.data.rows.rows import Rows

Rewrite = Callable[[str], str]


@dataclass(frozen=True)
class Edit:
    """The changes to make to the rows."""

    drop: frozenset[int] = frozenset()
    """Rows to drop, by their number in the source file."""
    answers: Rewrite | None = None
    """Rewrites every text that the model learns as an answer."""
    texts: Rewrite | None = None
    """Rewrites every text."""


@dataclass(frozen=True)
class Fix:
    """A way to fix the rows of a finding."""

    title: str
    """The action, worded as for a button."""
    edit: Callable[[Rows, Finding], Edit]
    rewrites: bool = False
    """It rewrites texts and drops no rows."""


def dropping(title: str) -> Fix:
    """A fix that drops every row of the finding."""
    return Fix(title, lambda _rows, finding: Edit(drop=frozenset(finding.rows)))


@dataclass(frozen=True)
class Edited:
    """Rows after an edit."""

    rows: list[dict[str, Any]]
    n_dropped: int
    n_changed: int


def applied(shape: RowShape, rows: Iterable[Mapping[str, Any]], edit: Edit) -> Edited:
    """Stored rows (with `source_row`) after the edit; rows that it doesn't touch stay the same."""
    kept, n_dropped, n_changed = [], 0, 0
    for row in rows:
        if row["source_row"] in edit.drop:
            n_dropped += 1
            continue
        after = _rewritten(shape, row, edit)
        n_changed += after != row
        kept.append(after)
    return Edited(kept, n_dropped, n_changed)


def _rewritten(shape: RowShape, row: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    after = dict(row)
    for field in shape.fields:
        value = row.get(field.name)
        if field.kind in row_files.TURNS:
            learned = field.kind == "messages"
            after[field.name] = [_rewritten_turn(turn, edit, learned) for turn in value or []]
        elif isinstance(value, str):
            after[field.name] = _text(value, field.name in answer_fields(shape), edit)
    return after


def _rewritten_turn(turn: Mapping[str, Any], edit: Edit, learned: bool) -> dict[str, Any]:
    after = dict(turn)
    if after["content"] is not None:
        after["content"] = _text(after["content"], learned and after["role"] == "assistant", edit)
    if "reasoning_content" in after:
        after["reasoning_content"] = _text(after["reasoning_content"], learned, edit)
    if edit.texts and "tool_calls" in after:
        calls = after["tool_calls"]
        functions = [{**f, "arguments": _inside(f["arguments"], edit.texts)} for f in (c["function"] for c in calls)]
        after["tool_calls"] = [{**call, "function": f} for call, f in zip(calls, functions, strict=True)]
    return after


def _inside(value: Any, rewrite: Rewrite) -> Any:
    """The arguments of a call with every text in them rewritten; the names stay."""
    if isinstance(value, dict):
        return {key: _inside(one, rewrite) for key, one in value.items()}
    if isinstance(value, list):
        return [_inside(one, rewrite) for one in value]
    return rewrite(value) if isinstance(value, str) else value


def _text(text: str, learned: bool, edit: Edit) -> str:
    text = edit.texts(text) if edit.texts else text
    return edit.answers(text) if learned and edit.answers else text


@cache
def answer_fields(shape: RowShape) -> frozenset[str]:
    """The shape's fields that the model learns as answers, found by making a row of the fields' own names.

    Includes the bad ones of judged answers: if only the good ones were fixed, the two would differ by the fix.
    """
    if shape.judged:
        return frozenset(field.name for field in shape.fields if field.kind == "answer")
    if shape.messages is None or any(field.kind == "messages" for field in shape.fields):
        return frozenset()
    made = shape.messages({field.name: field.name for field in shape.fields})
    return frozenset(message["content"] for message in made if message["role"] == "assistant")
