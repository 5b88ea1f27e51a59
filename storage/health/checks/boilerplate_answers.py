"""Whole sentences that answer many different prompts, and answers that are all the same."""

from __future__ import annotations

from collections import defaultdict

from storage.health.check import Check, Finding, Severity, counted, finding
from storage.health.rows import Rows, normalised

FEWEST_ROWS = 5
SHARE = 0.01
SENTENCE = 20
"""Characters; one of Chinese, Japanese or Korean counts for two."""
_WIDE_FROM = "\u2e80"


def find(rows: Rows) -> Finding | None:
    """The rows whose answer is that of many other prompts."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows.rows):
        if row.answers:
            places[normalised(row.answer)].append(i)
    if len(places) == 1 and len(rows.answered) > 1:
        found = [(row, row.answer) for row in rows.answered]
        return finding(found, len(found), "All answers are the same: there is nothing to tell apart.")
    if rows.labelled:
        return None
    fewest = max(FEWEST_ROWS, SHARE * len(rows.answered))
    repeated = [
        same
        for answer, same in places.items()
        if len({rows.prompts[i] for i in same}) >= fewest and _width(answer) >= SENTENCE
    ]
    found = [(rows.rows[i], rows.rows[i].answer) for i in sorted(i for same in repeated for i in same)]
    says = (
        f"{counted(len(repeated), 'sentence answers', 'sentences answer')} many prompts alike, "
        f"in {counted(len(found), 'row', 'rows')}."
    )
    return finding(found, len(rows.answered) or 1, says)


def _width(text: str) -> int:
    return sum(2 if c >= _WIDE_FROM else 1 for c in text)


SPEC = Check(
    title="Constant and boiler-plate answers",
    why="An answer that does not depend on its prompt teaches the model not to read the prompt.",
    source="“Methods for adapting large language models”, part 3: every answer derivable from its input",
    severity=Severity(misleads_from=0.5),
    unlearned="to let its answers depend on these prompts",
    find=find,
)
