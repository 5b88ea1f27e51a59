"""Labels that differ only in case, spaces, hyphens or underscores, such as “Refund” and “refund”."""

from __future__ import annotations

import re
from collections import defaultdict

from storage.data.health.check import Check, Finding, Severity, excerpt, finding
from storage.data.health.fix import Edit, Fix
from storage.data.rows.comparable import normalised
from storage.data.rows.rows import Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """The rows with any but the most frequent spelling of their label."""
    meant = _meant(rows)
    found = [
        (row, f"“{row.answer}”, mostly “{meant[row.answer]}”: {row.prompt}")
        for row in rows.answered
        if row.answer in meant
    ]
    shown = ", ".join(f"“{excerpt(label)}”" for label in list(meant)[:3])
    more = ", …" if len(meant) > 3 else ""
    says = f"{plural(len(found), 'row spells its label', 'rows spell their label')} differently: {shown}{more}."
    return finding(found, len(rows.answered) or 1, says)


def _meant(rows: Rows) -> dict[str, str]:
    """Each rarer spelling of a label → its most frequent spelling."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for label, _ in rows.labels.most_common():
        spellings[re.sub(r"[\s_-]+", " ", normalised(label)).strip()].append(label)
    return {label: same[0] for same in spellings.values() for label in same[1:]}


def _respell(rows: Rows, _finding: Finding) -> Edit:
    meant = _meant(rows)
    return Edit(answers=lambda label: meant.get(label, label))


SPEC = Check(
    title="Spelling of labels",
    why="Two spellings are two labels: the model must guess which one is meant.",
    source="“Methods for adapting large language models”, part 3: one format",
    severity=Severity(misleads_from=0.3),
    unlearned="which spelling of a label is wanted",
    find=find,
    fix=Fix("Use the most frequent spelling of each", _respell, rewrites=True),
)
