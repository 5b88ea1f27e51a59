"""One label that most rows have: at least half of all rows, and at least 1.5 times its even share.

The majority-class baseline is the score of a model that always gives this label and reads nothing.
"""

from __future__ import annotations

from storage.data.health.check import Check, Finding, Severity, excerpt, finding
from storage.data.rows.rows import Rows

SHARE = 0.5
TIMES_EVEN = 1.5


def find(rows: Rows) -> Finding | None:
    """The rows of the label that most rows have."""
    labels = rows.labels
    if len(labels) < 2:
        return None
    (label, n_most), n_rows = labels.most_common(1)[0], sum(labels.values())
    share = n_most / n_rows
    if share < max(SHARE, TIMES_EVEN / len(labels)):
        return None
    found = [(row, row.shown) for row in rows.answered if row.answer == label]
    says = (
        f"{share:.0%} of the rows have the label “{excerpt(label)}”: "
        f"a model that always gives it scores {share:.0%} without reading."
    )
    return finding(found, n_rows, says)


SPEC = Check(
    title="Label balance",
    why="A score means something only if it beats always giving the most frequent label.",
    source="“Methods for adapting large language models”, part 3: refusal balance, the same for any answer",
    severity=Severity(misleads_from=0.9),
    unlearned="the rarer labels, because always giving the most frequent one scores nearly as well",
    find=find,
)
