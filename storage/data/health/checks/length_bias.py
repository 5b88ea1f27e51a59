"""Pairs whose chosen answer is at least half as long again as the rejected one, where most pairs are so."""

from __future__ import annotations

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural

TIMES = 1.5
FEWEST_PAIRS = 20
"""Of fewer pairs, most can be so by chance."""
SHARE = 0.5
_SHORT = 20
"""Characters that a longer answer has more, at the least: between words, half as long again says nothing."""


def find(rows: Rows) -> Finding | None:
    """The pairs in which the chosen answer is much the longer."""
    pairs = [(row, row.rejected) for row in rows.answered if row.rejected is not None]
    found = [row for row, rejected in pairs if _much_longer(row.answer, rejected)]
    if len(pairs) < FEWEST_PAIRS or len(found) <= SHARE * len(pairs):
        return None
    says = f"in {plural(len(found), 'pair', 'pairs')} the chosen answer is at least {TIMES} times as long."
    return finding([(row, _shown(row)) for row in found], len(pairs), says[0].upper() + says[1:])


def _much_longer(chosen: str, rejected: str) -> bool:
    return len(chosen) >= max(TIMES * len(rejected), len(rejected) + _SHORT)


def _shown(row: Row) -> str:
    return f"{len(row.answer):,} characters against {len(row.rejected or ''):,}: {row.prompt}"


SPEC = Check(
    title="Length bias",
    why="What most chosen answers have in common is what is learned: the model learns to say more, not better.",
    source="Park et al. 2024, Disentangling length from quality in direct preference optimization, arXiv 2403.19159",
    severity=Severity(misleads_from=0.9),
    unlearned="which answers are better, apart from longer",
    find=find,
)
