"""Finds the row of column names in a table: titles and notes may stand above it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from templates import registry
from templates.column_names import english

MAX_TITLES = 10
LOOKED_AT = 60
"""Rows to look at: enough to see how wide a table is."""
EVEN_SHARE = 0.9
MAX_NAME_CHARS, MAX_NAME_SPACES = 40, 3
TITLE = (
    "looks like a title above the column names in row {}.",
    "Leave out the row, or delete it in the file.",
)
REPEATED = (
    "repeats the column names of row {}; a second table may start here.",
    "Leave out the row. If the second table is about something else, send it as its own file.",
)
"""The messages about such rows, and the remedies."""
_NUMBER = re.compile(r"[-+]?[\d.,:/\s-]*\d[\d.,:/\s%€$£-]*")


def usual_names(*kinds: str) -> set[str]:
    """English usual column names for any shape's fields (of these kinds)."""
    fields = [f for shape in registry.shapes().values() for f in shape.fields]
    return {alias for f in fields if not kinds or f.kind in kinds for alias in f.aliases}


def is_short(name: str) -> bool:
    """Whether a text is short enough for a column's name."""
    return len(name) <= MAX_NAME_CHARS and name.count(" ") <= MAX_NAME_SPACES


def are_usual(names: Sequence[str]) -> bool:
    """Whether any of the names usually names a column, in any language."""
    return not usual_names().isdisjoint(map(english, names))


def n_titles(rows: Sequence[Sequence[str]], *, even: bool = True) -> int:
    """The number of rows above the row of column names; `rows` are the first ones of the table.

    A title fills one cell, the names below it as many as the rows do; above usual names, notes of several cells
    count too. In delimited text, names and rows are equally wide (`even`); in a sheet, rows end at their last
    filled cell.
    """
    if not rows or are_usual(rows[0]):
        return 0
    most = _n_filled(rows[0])
    for place, names in enumerate(rows[1 : MAX_TITLES + 1], start=1):
        n_filled, below = _n_filled(names), rows[place + 1 :]
        if n_filled > max(1, most) and below and (most <= 1 or are_usual(names)):
            fits = sum(len(row) == len(names) if even else len(row) <= len(names) for row in below) / len(below)
            return place if fits >= EVEN_SHARE and _are_names(names) else 0
        most = max(most, n_filled)
    return 0


def _n_filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _are_names(cells: Sequence[str]) -> bool:
    """Whether a row looks like names: short, different, no numbers; texts split at commas go on with a space."""
    names = [cell.strip() for cell in cells if cell.strip()]
    if len(set(names)) < len(names) or all(cell.startswith(" ") for cell in cells[1:]):
        return False
    return all(map(is_short, names)) and not any(_NUMBER.fullmatch(name) for name in names)
