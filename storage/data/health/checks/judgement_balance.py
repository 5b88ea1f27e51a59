"""Judged answers that are nearly all good or nearly all bad."""

from __future__ import annotations

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.rows.rows import Rows

SHARE = 0.8


def find(rows: Rows) -> Finding | None:
    """The rows of the more frequent judgement."""
    alone = [row for row in rows.rows if rows.shape.judged and (not row.answers or row.rejected is None)]
    good, bad = [row for row in alone if row.answers], [row for row in alone if not row.answers]
    most, word = (good, "good") if len(good) >= len(bad) else (bad, "bad")
    if not alone or len(most) < SHARE * len(alone):
        return None
    says = f"{len(most) / len(alone):.0%} of the judged answers are {word}."
    return finding([(row, row.shown) for row in most], len(alone), says)


SPEC = Check(
    title="Judgement balance",
    why="The model learns good answers by contrast with bad ones; if one kind is rare, it needs a higher weight.",
    source="Ethayarajh et al. 2024, KTO, arXiv 2402.01306: weigh good and bad answers about 1:1",
    severity=Severity(misleads_from=1.0),
    unlearned="what makes an answer good or bad, because it saw nearly only one kind",
    find=find,
)
