"""Rejected answers that don't fit the context window of the named base model, although the chosen ones do.

The answer is read after the prompt, as in preference training. Fine-tuning on chosen answers is unaffected.
"""

from __future__ import annotations

from storage.data.health.check import BASE, Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """The rows in which only the rejected answer would be truncated or refused."""
    lengths = rows.lengths
    if lengths is None or lengths.rejected is None:
        return None
    why, counted_already = lengths.rejected.beyond, lengths.beyond
    found: list[tuple[Row, str]] = [
        (row, f"{why[row.number]}: {row.rejected}")
        for row in rows.rows
        if row.number in why and row.number not in counted_already
    ]
    n_cut = sum(row.number in lengths.rejected.truncated for row, _ in found)
    says = (
        f"With the rejected answer instead of the chosen one, {lengths.base}, which reads "
        f"{lengths.context_length:,} tokens at most, would cut {plural(n_cut, 'row', 'rows')} "
        f"and refuse {len(found) - n_cut:,}."
    )
    return finding(found, len(rows.rows), says)


SPEC = Check(
    title="Rejected answers longer than the context window",
    why="Preference training compares whole answers; if one is cut, only its start is compared.",
    source="Rafailov et al. 2023, Direct preference optimization, arXiv 2305.18290: its loss weighs every token",
    severity=Severity(),
    unlearned="what is bad about the ends of these rejected answers",
    find=find,
    fix=dropping("Drop the rows"),
    needs=BASE,
)
