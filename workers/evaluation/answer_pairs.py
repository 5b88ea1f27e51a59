"""Two models' answers to the same rows, and what changed between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import get_args

from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.verdict_document import Change, Example, UnknownLabels
from workers.preferences.reward_model import tied

N_EXAMPLES = 3
Answers = Sequence[tuple[Answer, Answer]]
"""The two models' answers to the same rows."""


def answered_by_both(base: Scores, adapted: Scores) -> list[tuple[Answer, Answer]]:
    """The two models' answers to the rows that both answered."""
    of_adapted = {answer.index: answer for answer in adapted.answers}
    return [(answer, of_adapted[answer.index]) for answer in base.answers if answer.index in of_adapted]


def change(base: Answer, adapted: Answer) -> Change:
    """How adaptation changed one answer. Without checks, the score of a reward model that rewarded answers decides."""
    if base.score is not None and adapted.score is not None and not base.passed:
        if base.given == adapted.given or tied(base.score, adapted.score):
            return "same" if base.given == adapted.given else "changed"
        return "better" if adapted.score > base.score else "worse"
    if base.is_good != adapted.is_good:
        return "better" if adapted.is_good else "worse"
    return "same" if base.given == adapted.given else "changed"


def changes(pairs: Answers) -> dict[str, int]:
    """The number of answers per kind of change; every kind is listed."""
    counted = Counter(change(*pair) for pair in pairs)
    return {way: counted[way] for way in get_args(Change)}


def examples(pairs: Answers, adapted: Scores) -> tuple[Example, ...]:
    """The first few wrong answers, in the order of the source file."""
    wrong = (answer for _, answer in pairs if not answer.right)
    return tuple(
        Example(row=adapted.source_rows[answer.index], expected=answer.expected, given=answer.given)
        for answer in islice(wrong, N_EXAMPLES)
    )


def unknown_labels(pairs: Answers, labels: Sequence[str]) -> UnknownLabels:
    """The shares of answers that are none of the `labels` and no expected answer."""
    known = {label.strip() for label in labels} | {base.expected for base, _ in pairs}
    shares = [sum(answer.given not in known for answer in side) / len(pairs) for side in zip(*pairs, strict=True)]
    return UnknownLabels(base=shares[0], adapted=shares[1])
