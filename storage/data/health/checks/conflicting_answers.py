"""Rows with the same prompt (ignoring case and spaces) but different answers.

Judged answers may differ, and so may free texts that a teacher gave: several answers to a prompt were asked for.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import Edit, Fix
from storage.data.rows.comparable import normalised
from storage.data.rows.rows import Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """Every row of a prompt that has more than one answer."""
    torn = _torn(rows)
    found = [(rows.rows[i], rows.rows[i].shown) for i in sorted(i for same in torn for i in same)]
    says = (
        f"{plural(len(torn), 'prompt has', 'prompts have')} different answers in {plural(len(found), 'row', 'rows')}."
    )
    return finding(found, len(rows.answered) or 1, says)


def _torn(rows: Rows) -> list[list[int]]:
    """The positions of each prompt with more than one answer."""
    if rows.shape.judged or (rows.is_sampled and not rows.labelled):
        return []
    places: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows.rows):
        if rows.prompts[i] and row.answers:
            places[rows.prompts[i]].append(i)
    return [same for same in places.values() if len({normalised(rows.rows[i].answer) for i in same}) > 1]


def _by_majority(rows: Rows, _finding: Finding) -> Edit:
    dropped: set[int] = set()
    for same in _torn(rows):
        answers = {i: normalised(rows.rows[i].answer) for i in same}
        (most, n_most), (_, n_next) = Counter(answers.values()).most_common(2)
        kept = most if n_most > n_next else None
        dropped |= {rows.rows[i].number for i in same if answers[i] != kept}
    return Edit(drop=frozenset(dropped))


SPEC = Check(
    title="Conflicting answers",
    why="Where annotators disagree, no model can be right: 70 % agreement limits accuracy to about 70 %.",
    source="“Methods for adapting large language models”, part 3: annotator agreement caps accuracy",
    severity=Severity(misleads_from=0.10),
    unlearned="which of several answers to the same prompt is right",
    find=find,
    fix=Fix("Keep the answer of the most rows; without a majority, keep none", _by_majority),
)
