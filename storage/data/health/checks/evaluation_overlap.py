"""Training rows with the same or nearly the same prompt as a row of the evaluation set, numbers included.

The evaluation set is another dataset; all its rows count, held out or not. Other checks cover the
dataset's own held-out rows.
"""

from __future__ import annotations

from storage.data.health.check import EVALUATION, Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """The training rows that give an evaluation row away."""
    found = [
        (rows.rows[i], f"like evaluation row {row.number}: {rows.rows[i].shown}")
        for i, row in sorted(rows.given_away.items())
    ]
    met = {row.number for row in rows.given_away.values()}
    says = (
        f"{plural(len(found), 'training row asks', 'training rows ask')} the same as "
        f"{plural(len(met), 'row', 'rows')} of the evaluation set "
        f"{'does' if len(met) == 1 else 'do'}, or nearly."
    )
    return finding(found, sum(not row.held_out for row in rows.rows), says)


SPEC = Check(
    title="Overlap with the evaluation set",
    why="Testing a model on questions that it was trained on only tests its memory.",
    source="Tutorial “Adaptation of Large Language Models”, arXiv 2504.03931: leakage of test data",
    severity=Severity(misleads_from=0.01),
    unlearned="anything beyond memory that the evaluation set could show",
    find=find,
    fix=dropping("Drop the training rows with these prompts"),
    needs=EVALUATION,
)
