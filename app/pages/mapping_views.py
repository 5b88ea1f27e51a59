"""Renders the notes beside a mapping: reasons, sample values, fitting rows, and an earlier file's choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from app.formats import count
from app.markup import html
from app.pages import layout
from storage.data.datasets import Preview
from storage.data.mappings import NONE, Choice, FieldChoice
from templates import registry
from templates.errors import Problem
from templates.shortened import shortened

ROWS_SHOWN = 5
REASONS_SHOWN = 3
CELL_CHARS = 200
HEADING = "Match your columns"
LEAD = (
    "Choose a column for each field, or several to join with a blank line between them. "
    "The preview updates as you choose."
)


def lead() -> Markup:
    """The text above the choices."""
    return layout.section(HEADING, LEAD)


def shape_reason(choice: Choice) -> Markup:
    """The reason for this row shape; `offer` describes remembered choices."""
    if choice.came_from == "remembered" and not choice.is_guess:
        return Markup("")
    return html("quiet", words=f"Why this shape: {choice.reason}")


def why(field: FieldChoice) -> Markup:
    """The reason for this column, and its first values."""
    return html("data/why", field=field)


def _said(shape: str, mapping: Mapping[str, str]) -> str:
    """A choice in the page's words."""
    known = registry.shape(shape)
    pairs = [f"{field.title} ← {mapping[field.name]}" for field in known.fields if field.name in mapping]
    return f"{known.title} ({', '.join(pairs) or NONE})"


def offer(seen: Preview) -> Markup:
    """The choices for an earlier file with the same columns, and whether they apply here."""
    remembered, guess = seen.choice.remembered, seen.choice.guess
    if remembered is None:
        return Markup("")
    guessed = _said(guess.shape, guess.mapping) if guess.mapping else ""
    return html(
        "data/offer",
        place=remembered.place,
        chosen=_said(remembered.shape, remembered.mapping),
        taken_over=remembered.is_the(seen.shape, seen.mapping),
        guess=None if seen.choice.is_guess else guessed,
    )


def fit(seen: Preview) -> Markup:
    """The number of usable rows, the reasons for the others, and the unused columns."""
    left_open = [f"“{field.title}”" for field in seen.choice.fields if field.required and not field.column]
    of_rows = [problem for problem in seen.problems if problem.row is not None]
    of_choices = [problem for problem in seen.problems if problem.row is None and problem.field]
    reasons = _reasons(of_rows)
    return html(
        "data/fit",
        left_open=left_open,
        is_unusable=bool(of_choices) or (bool(seen.problems) and not of_rows),
        n_rows=seen.n_rows,
        n_refused=seen.n_refused,
        reasons=list(reasons.items())[:REASONS_SHOWN],
        n_more=max(0, len(reasons) - REASONS_SHOWN),
        are_all=len(of_rows) == len(seen.problems),
        unlearned="" if registry.objectives_for(seen.shape) else registry.shape(seen.shape).title,
        unused=seen.choice.unused,
        questions=seen.choice.questions,
    )


def _reasons(problems: Sequence[Problem]) -> dict[str, list[int]]:
    """Each reason with its rows."""
    rows: dict[str, list[int]] = {}
    for problem in problems:
        where = f"“{problem.field}” " if problem.field else ""
        rows.setdefault(where + problem.message, []).append(problem.row or 0)
    return rows


def columns(seen: Preview) -> Markup:
    """The file's columns, with their use and their values."""
    return _columns(seen, is_all=False)


def no_rows(seen: Preview) -> Markup:
    """Shown instead of the first rows: the columns to choose from."""
    return _columns(seen, is_all=True)


def _columns(seen: Preview, *, is_all: bool) -> Markup:
    used = {name: field.title for field in seen.choice.fields for name in field.columns}
    return html("data/columns", columns=seen.look.columns, used=used, is_all=is_all)


def first_rows(shape: str, rows: Iterable[Mapping[str, Any]]) -> Markup:
    """The first rows in the shape's fields."""
    fields = registry.shape(shape).fields
    shown = list(rows)[:ROWS_SHOWN]
    filled = [field for field in fields if field.required or any(row.get(field.name) for row in shown)]
    cells = [[count(row["source_row"]), *(_cell(row.get(field.name)) for field in filled)] for row in shown]
    head = ["Row of the file", *(field.title for field in filled)]
    return layout.table(head, cells, "The first rows", frozenset({0}), texts=True)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return html("data/messages", messages=value)
    return shortened(str(value or ""), CELL_CHARS)
