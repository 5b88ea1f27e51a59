"""Answers judged good in one row and bad in another, for the same prompt (ignoring case and spaces).

In pairs: the same two answers chosen and rejected the other way round, or a pair whose answers differ only in
case and spaces. An answer that is better than one answer and worse than another contradicts nothing.
"""

from __future__ import annotations

from collections import defaultdict

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.comparable import normalised
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural

Judgement = tuple[str, str, str]
"""A prompt, an answer, and the answer that it beats; the last is empty for an answer judged alone."""


def find(rows: Rows) -> Finding | None:
    """Every row whose judgement reverses another's."""
    if not rows.shape.judged:
        return None
    made = [_judgement(row, prompt) for row, prompt in zip(rows.rows, rows.prompts, strict=True)]
    places: dict[Judgement, list[int]] = defaultdict(list)
    for place, judgement in enumerate(made):
        places[judgement].append(place)
    torn = [i for i, (prompt, good, bad) in enumerate(made) if (prompt, bad, good) in places]
    found = [(rows.rows[i], rows.rows[i].shown) for i in torn]
    says = f"{plural(len(found), 'row contradicts', 'rows contradict')} another, or itself."
    return finding(found, len(rows.rows), says)


def _judgement(row: Row, prompt: str) -> Judgement:
    return prompt, normalised(row.answer), normalised(row.rejected or "")


SPEC = Check(
    title="Contradicting judgements",
    why="Where judges disagree, no model can be right: 70 % agreement limits accuracy to about 70 %.",
    source="“Methods for adapting large language models”, part 3: annotator agreement caps accuracy",
    severity=Severity(misleads_from=0.10),
    unlearned="which of these answers is better",
    find=find,
    fix=dropping("Drop the rows"),
)
