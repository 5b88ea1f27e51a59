"""Rows that repeat an earlier row on the same side of the split, character for character."""

from __future__ import annotations

from collections.abc import Hashable

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """Every identical row except the first."""
    seen: set[tuple[Hashable, ...]] = set()
    found: list[tuple[Row, str]] = []
    for row in rows.rows:
        content = (row.held_out, *row.content)
        if content in seen:
            found.append((row, row.shown))
        seen.add(content)
    return finding(found, len(rows.rows), f"{plural(len(found), 'row repeats', 'rows repeat')} an earlier one.")


SPEC = Check(
    title="Exact duplicates",
    why="A row that appears twice counts twice: the model memorises it before it learns the others.",
    source="“Methods for adapting large language models”, part 3: remove exact duplicates",
    severity=Severity(warns_from=0.005, misleads_from=0.5),
    unlearned="more from the repeated rows than from one copy of each",
    find=find,
    fix=dropping("Keep the first of each"),
)
