"""What is told beside a mapping, as HTML: reasons, sample values, what fits and what an earlier file had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.formats import count, escaped, plural, shortened
from app.pages import layout
from storage.data.datasets import Preview
from storage.data.mappings import NONE, Choice, FieldChoice
from templates import registry
from templates.errors import Problem

ROWS_SHOWN = 5
REASONS_SHOWN = 3
SAMPLE_CHARS = 100
CELL_CHARS = 200
LEAD = (
    "<h2>Which column is what</h2>"
    "<p class='quiet'>Each field is filled from one column of the file. Change what is wrong: all else follows.</p>"
)


def shape_reason(choice: Choice) -> str:
    """Why this row shape; what is remembered is told by `offer`."""
    if choice.came_from == "remembered" and not choice.is_guess:
        return ""
    return f'<p class="quiet">Why this shape: {escaped(choice.reason)}</p>'


def why(field: FieldChoice) -> str:
    """Why this column fills the field, and its first values."""
    samples = "".join(f"<li>{escaped(shortened(sample, SAMPLE_CHARS))}</li>" for sample in field.samples)
    values = f'<ul class="samples" aria-label="First values">{samples}</ul>' if samples else ""
    empty = "<p class='quiet'>The column is empty.</p>" if field.column and not samples else ""
    return f'<p class="quiet">{escaped(field.reason)}</p>{values}{empty}'


def _said(shape: str, mapping: Mapping[str, str]) -> str:
    """A choice in the words of the page."""
    known = registry.shape(shape)
    pairs = [f"{field.title} ← {mapping[field.name]}" for field in known.fields if field.name in mapping]
    return f"{escaped(known.title)} ({escaped(', '.join(pairs) or NONE)})"


def offer(seen: Preview) -> str:
    """What was chosen for an earlier file of the same columns, and whether it is what is chosen here."""
    remembered, guess = seen.choice.remembered, seen.choice.guess
    if remembered is None:
        return ""
    place, taken = escaped(remembered.place), _said(remembered.shape, remembered.mapping)
    if not remembered.is_the(seen.shape, seen.mapping):
        return f'<div class="offer">For {place}, of a file with the same columns, you chose: {taken}.</div>'
    if seen.choice.is_guess:
        return f'<p class="quiet">The same as for {place}, whose file had the same columns.</p>'
    guessed = _said(guess.shape, guess.mapping)
    return (
        f'<div class="offer"><b>As for {place}:</b> {taken}, because the file has the same columns. '
        f"<span class='quiet'>The guess is: {guessed}.</span></div>"
    )


def fit(seen: Preview) -> str:
    """How many rows can be learned from, why the others can't, and which columns are left aside."""
    unused = ", ".join(seen.choice.unused)
    aside = (
        f"<p class='quiet'>Not used: {escaped(unused)}.</p>" if unused else "<p class='quiet'>All columns are used.</p>"
    )
    return f'<div class="fit">{_fitting(seen)}{_unlearned(seen.shape)}{aside}</div>'


def _fitting(seen: Preview) -> str:
    left_open = [f"“{field.title}”" for field in seen.choice.fields if field.required and not field.column]
    if left_open:
        return f"<p><b>Nothing can be learned yet.</b> Choose a column for {escaped(' and '.join(left_open))}.</p>"
    of_rows = [problem for problem in seen.problems if problem.row is not None]
    if seen.problems and not of_rows:
        return "<p><b>These choices can't be used:</b> see the top of the page.</p>"
    if not seen.n_refused:
        return f"<p><b>All {plural(seen.n_rows, 'row')} fit.</b></p>"
    reasons = _reasons(of_rows, are_all=len(of_rows) == len(seen.problems))
    return (
        f"<p><b>{count(seen.n_rows)} of {plural(seen.n_rows + seen.n_refused, 'row')} fit.</b> "
        f"{plural(seen.n_refused, 'row')} can't be learned from:</p><ul class='remarks'>{reasons}</ul>"
    )


def _unlearned(shape: str) -> str:
    """Says so where no goal takes rows of this shape."""
    if registry.objectives_for(shape):
        return ""
    title = escaped(registry.shape(shape).title)
    return f"<p class='warn'>No goal learns from “{title}” yet. The rows can be kept, checked, mended and exported.</p>"


def _reasons(problems: Sequence[Problem], *, are_all: bool) -> str:
    first = "R" if are_all else "First in r"
    rows: dict[str, list[int]] = {}
    for problem in problems:
        where = f"“{problem.field}” " if problem.field else ""
        rows.setdefault(where + problem.message, []).append(problem.row or 0)
    items = [
        f"<li>{escaped(reason)} {first}ow{'s' if len(found) > 1 else ''} {', '.join(map(count, found))}.</li>"
        for reason, found in list(rows.items())[:REASONS_SHOWN]
    ]
    more = len(rows) - REASONS_SHOWN
    return "".join(items) + (f"<li>{plural(more, 'more reason')}: see Remarks.</li>" if more > 0 else "")


def columns(seen: Preview) -> str:
    """The file's columns: what each is used for and what it holds."""
    used = {name: field.title for field in seen.choice.fields for name in field.columns}
    rows = [
        [
            f"<b>{escaped(column.name)}</b>",
            escaped(used[column.name]) if column.name in used else "<span class='quiet unused'>not used</span>",
            count(column.n_missing),
            *(escaped(shortened(value, 60)) for value in column.samples),
            *[""] * (3 - len(column.samples)),
        ]
        for column in seen.look.columns
    ]
    head = ["Column", "Used for", "Empty", "First value", "Second", "Third"]
    return layout.table(head, rows, "The file's columns", frozenset({2}))


def no_rows(seen: Preview) -> str:
    """In place of the first rows: what there is to choose from."""
    return f"<p>No row can be read with these choices. The file has these columns:</p>{columns(seen)}"


def first_rows(shape: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """The first rows in the shape's fields."""
    fields = registry.shape(shape).fields
    shown = list(rows)[:ROWS_SHOWN]
    filled = [field for field in fields if field.required or any(row.get(field.name) for row in shown)]
    cells = [[count(row["source_row"]), *(_cell(row.get(field.name)) for field in filled)] for row in shown]
    head = ["Row of the file", *(escaped(field.title) for field in filled)]
    return layout.table(head, cells, "The first rows", frozenset({0}), texts=True)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):  # messages
        return "<br>".join(f"<b>{escaped(m['role'])}</b> {escaped(shortened(str(m['content'])))}" for m in value)
    return escaped(shortened(str(value or ""), CELL_CHARS))
