"""Held-out rows with the same prompt as a training row, ignoring case and spaces."""

from __future__ import annotations

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import Edit, Fix
from storage.data.rows.rows import Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """The held-out rows whose prompt is also in training."""
    found = [(rows.rows[i], rows.rows[i].shown) for i in sorted(rows.leaked)]
    says = f"{plural(len(found), 'held-out row has', 'held-out rows have')} the prompt of a training row."
    return finding(found, sum(row.held_out for row in rows.rows), says)


def _without_them(rows: Rows, _finding: Finding) -> Edit:
    """The held-out rows stay, so that all versions are measured on the same rows."""
    asked = {rows.prompts[i] for i in rows.leaked}
    twins = (row.number for i, row in enumerate(rows.rows) if not row.held_out and rows.prompts[i] in asked)
    return Edit(drop=frozenset(twins))


SPEC = Check(
    title="Overlap of training and held-out rows",
    why="A held-out row that was trained on tests only memory, so the score promises more than the model can do.",
    source="Tutorial “Adaptation of Large Language Models”, arXiv 2504.03931: leakage of test data",
    severity=Severity(misleads_from=0.05),
    unlearned="anything beyond memory that the overlapping held-out rows could show",
    find=find,
    fix=Fix("Drop the training rows with these prompts", _without_them),
)
