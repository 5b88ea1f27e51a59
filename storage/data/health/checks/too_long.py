"""Rows that don't fit the context window of the named base model: cut off at the end, or refused.

Counted by the code that training uses, with the largest row length that the model can read. Without a
base model there is no way to count, so the check reports nothing.
"""

from __future__ import annotations

from storage.data.health.check import BASE, Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Row, Rows


def find(rows: Rows) -> Finding | None:
    """The rows that would be truncated or refused."""
    lengths = rows.lengths
    if lengths is None:
        return None
    why = lengths.beyond
    found: list[tuple[Row, str]] = [(r, f"{why[r.number]}: {r.shown}") for r in rows.rows if r.number in why]
    says = (
        f"{lengths.base} reads {lengths.context_length:,} tokens at most: "
        f"{len(lengths.truncated):,} rows would be cut, {len(lengths.refused):,} refused."
    )
    return finding(found, len(rows.rows), says)


SPEC = Check(
    title="Longer than the context window",
    why="The cut removes the answer or its last part, so the model learns to stop in mid-sentence.",
    source="“Methods for adapting large language models”, part 3: every answer derivable from its input",
    severity=Severity(misleads_from=0.3),
    unlearned="the ends of long answers, nor answers that start beyond the window",
    find=find,
    fix=dropping("Drop the rows"),
    needs=BASE,
)
