"""Pairs whose chosen answer is at least 1.5 times as long as the rejected one, if most pairs are like that."""

from __future__ import annotations

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural

TIMES = 1.5
FEWEST_PAIRS = 20
"""With fewer pairs, a majority can be chance."""
SHARE = 0.5
_SHORT = 20
"""Minimum extra characters in the longer answer: for single words, a factor of 1.5 says nothing."""


def find(rows: Rows) -> Finding | None:
    """The pairs whose chosen answer is much longer."""
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
    why="The model learns what most chosen answers have in common: here it learns to say more, not to answer better.",
    source="Park et al. 2024, Disentangling length from quality in direct preference optimization, arXiv 2403.19159",
    severity=Severity(misleads_from=0.9),
    unlearned="which answers are better, apart from length",
    find=find,
)
