"""Rows that differ from an earlier one only by numbers or names, and have the same answer.

“My order 123 is late” and “My order 456 is late” teach one thing. Where the answer depends on the number, the
rows are different questions and are not counted; near and exact duplicates are not counted again.
"""

from __future__ import annotations

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """Every row of a template except the first."""
    found: dict[int, tuple[Row, str]] = {}
    n_templates, n_given_away = 0, 0
    for group in rows.templated:
        first = rows.rows[group[0]]
        later = [i for i in group[1:] if rows.prompts[i] != rows.prompts[group[0]]]
        found |= {i: (rows.rows[i], f"like row {first.number}: {rows.rows[i].shown}") for i in later}
        held_out = sum(rows.rows[i].held_out for i in group)
        n_templates += 1
        n_given_away += held_out if held_out < len(group) else 0
    says = (
        f"{plural(len(found), 'row differs', 'rows differ')} from an earlier one only by numbers or names; they come "
        f"from {plural(n_templates, 'template')}."
    )
    if n_given_away:
        says += f" {plural(n_given_away, 'held-out row comes', 'held-out rows come')} from a template of training rows."
    return finding([found[i] for i in sorted(found)], len(rows.rows), says)


SPEC = Check(
    title="Near duplicates from one template",
    why="A model learns a template once; held-out rows from it test memory, so the score promises too much.",
    source="“Methods for adapting large language models”, part 3: remove near duplicates",
    severity=Severity(warns_from=0.02, misleads_from=0.95),
    unlearned="to read sentences that people would phrase in their own way",
    find=find,
    fix=dropping("Keep the first of each template"),
)
