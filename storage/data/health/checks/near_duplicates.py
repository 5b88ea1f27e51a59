"""Rows that hardly differ from an earlier row on the same side of the split: case, spaces, a few characters.

Numbers and labels must be equal: “12 + 13” and “12 + 14” are two questions. Uses MinHash over character
n-grams, in any script; exact duplicates are not counted again.
"""

from __future__ import annotations

from collections.abc import Hashable

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """Every near duplicate except the first."""
    found: dict[int, tuple[Row, str]] = {}
    for group in rows.near_rows:
        for held_out in (False, True):
            seen: dict[Hashable, Row] = {}
            for i in (place for place in group if rows.rows[place].held_out is held_out):
                row = rows.rows[i]
                if seen and row.content not in seen:
                    found[i] = (row, f"like row {next(iter(seen.values())).number}: {row.shown}")
                seen.setdefault(row.content, row)
    listed = [found[i] for i in sorted(found)]
    says = f"{plural(len(listed), 'row is', 'rows are')} nearly the same as an earlier one."
    return finding(listed, len(rows.rows), says)


SPEC = Check(
    title="Near duplicates",
    why="Rows that hardly differ teach as much as one, so there is less to learn than the number of rows suggests.",
    source="“Methods for adapting large language models”, part 3: remove near duplicates",
    severity=Severity(warns_from=0.02, misleads_from=0.5),
    unlearned="as much variety as the number of rows suggests",
    find=find,
    fix=dropping("Keep the first of each group"),
)
