"""Labels with fewer than five training rows, including labels that only held-out rows have."""

from __future__ import annotations

from collections import Counter

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Rows
from templates.quantities import plural

FEWEST_ROWS = 5


def find(rows: Rows) -> Finding | None:
    """The rows whose label hardly any training row has."""
    learned = Counter(row.answer for row in rows.answered if not row.held_out)
    rare = {label for label in rows.labels if learned[label] < FEWEST_ROWS}
    found = [(row, row.shown) for row in rows.answered if row.answer in rare] if rows.labelled else []
    says = f"{plural(len(rare), 'label has', 'labels have')} fewer than {FEWEST_ROWS} training rows."
    return finding(found, len(rows.answered) or 1, says)


SPEC = Check(
    title="Rare labels",
    why="From a handful of rows, a model at best memorises a label, and the score hardly shows the gap.",
    source="“Methods for adapting large language models”, part 3: look at failures, add targeted examples",
    severity=Severity(misleads_from=0.5),
    unlearned="the labels that hardly any training row has",
    find=find,
    fix=dropping("Drop the rows of these labels"),
)
