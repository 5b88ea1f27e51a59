"""Rows with the same prompt, case and blanks aside, whose answers differ."""

from __future__ import annotations

from collections import defaultdict

from storage.health.check import Check, Finding, Severity, counted, finding
from storage.health.rows import Rows, normalised


def find(rows: Rows) -> Finding | None:
    """Every row of a prompt that has more than one answer."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows.rows):
        if rows.prompts[i] and row.answers:
            places[rows.prompts[i]].append(i)
    torn = {
        prompt: same
        for prompt, same in places.items()
        if len(same) > 1 and len({normalised(rows.rows[i].answer) for i in same}) > 1
    }
    found = [(rows.rows[i], rows.rows[i].shown) for i in sorted(i for same in torn.values() for i in same)]
    says = (
        f"{counted(len(torn), 'prompt has', 'prompts have')} different answers in {counted(len(found), 'row', 'rows')}."
    )
    return finding(found, len(rows.answered) or 1, says)


SPEC = Check(
    title="Conflicting answers",
    why="Where annotators disagree, no model can be right: 70 % agreement is a ceiling of about 70 % accuracy.",
    source="“Methods for adapting large language models”, part 3: annotator agreement caps accuracy",
    severity=Severity(misleads_from=0.10),
    unlearned="which of several answers to the same prompt is right",
    find=find,
)
