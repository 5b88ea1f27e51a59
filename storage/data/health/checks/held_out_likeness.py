"""Held-out rows that are nearly the same as a training row, numbers and label included.

Uses MinHash over character n-grams, in any script. Rows with exactly the prompt of a training row count as
overlap and not again here.
"""

from __future__ import annotations

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import Edit, Fix
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """The held-out rows that a training row nearly gives away."""
    found: dict[int, tuple[Row, str]] = {}
    for group in rows.near_prompts:
        like = next((rows.rows[i] for i in group if not rows.rows[i].held_out), None)
        for i in group:
            if like is not None and rows.rows[i].held_out and i not in rows.leaked:
                found[i] = (rows.rows[i], f"like training row {like.number}: {rows.rows[i].shown}")
    says = f"{plural(len(found), 'held-out row is', 'held-out rows are')} nearly the same as a training row."
    return finding([found[i] for i in sorted(found)], sum(row.held_out for row in rows.rows), says)


def _without_them(rows: Rows, finding: Finding) -> Edit:
    """The held-out rows stay, so that all versions are measured on the same rows."""
    given_away = set(finding.rows)
    groups = ([rows.rows[i] for i in group] for group in rows.near_prompts)
    alike = (group for group in groups if any(row.held_out and row.number in given_away for row in group))
    return Edit(drop=frozenset(row.number for group in alike for row in group if not row.held_out))


SPEC = Check(
    title="Held-out rows like training rows",
    why="A held-out row that hardly differs from a training row is easier than the rows the model will meet in use.",
    source="Tutorial “Adaptation of Large Language Models”, arXiv 2504.03931: leakage of test data",
    severity=Severity(misleads_from=0.25),
    unlearned="to answer prompts unlike its training rows, as far as those held-out rows could show",
    find=find,
    fix=Fix("Drop the training rows like them", _without_them),
)
