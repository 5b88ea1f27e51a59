"""Checks answers: which of the picked checks each one passes, and what that and a reward model's score are worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from storage.runs.bootstrap import Floats, Groups, Pair, paired_means, paired_shares
from templates.rewards import HEADLINE, METRICS, REWARD_MODEL, Picked, RewardedParams, metric_of
from templates.spec import TrainingParams
from templates.timed_patterns import TooSlow
from workers.evaluation import measures
from workers.evaluation.measures import Measure
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.sentences import SCORED
from workers.rewards import liked

Answers = Sequence[tuple[Answer, Answer]]
"""The two models' answers to the same rows."""


def passed(
    picked: Sequence[Picked], answer: str, reference: str, *, counts: bool = True, slow: Counter[str] | None = None
) -> list[bool]:
    """Whether the answer passes each check; none if it doesn't count, because it was cut off.

    It doesn't pass a check that takes too long on it; `slow` counts these by the check's key.
    """
    return [counts and _passes(one, answer, reference, slow) for one in picked]


def _passes(one: Picked, answer: str, reference: str, slow: Counter[str] | None) -> bool:
    try:
        return one.verifier.passes(answer, reference, one.settings)
    except TooSlow:
        if slow is not None:
            slow[one.key] += 1
        return False


def passable(picked: Sequence[Picked], reference: str) -> bool:
    """Whether any answer could pass all checks with this answer of the row."""
    return all(one.verifier.can_pass(reference) for one in picked if one.verifier.needs_reference)


def shares(picked: Sequence[Picked], found: Sequence[Sequence[bool]]) -> dict[str, Floats]:
    """For each check, and for all of them by their weights: what each answer passes, `(n_answers,)`, from 0 to 1; empty
    without checks."""
    if not picked:
        return {}
    table = np.array(found, np.float64).reshape(len(found), len(picked))
    weights = np.array([one.weight for one in picked])
    each = {metric_of(one.key): table[:, place] for place, one in enumerate(picked)}
    return {HEADLINE: table @ (weights / weights.sum()), **each}


def longest(params: TrainingParams) -> int:
    """Tokens of an answer to a held-out prompt; 0 if no checks decide."""
    return params.max_completion_length if isinstance(params, RewardedParams) else 0


def scores(params: TrainingParams, found: Scores) -> Scores:
    """The same with what each answer passes; unchanged if no checks decide.

    Rows that no answer could pass count as not asked, as in the training.
    """
    if not isinstance(params, RewardedParams):
        return found
    cut_count = not params.mask_truncated_completions
    told, n_too_slow = list[Answer](), 0
    for one in found.answers:
        if passable(params.picked, one.expected):
            slow = Counter[str]()
            each = passed(params.picked, one.given, one.expected, counts=one.ended or cut_count, slow=slow)
            told.append(replace(one, passed=tuple(each)))
            n_too_slow += bool(slow)
    n_not_asked = found.n_not_asked + len(found.answers) - len(told)
    return replace(found, answers=tuple(told), n_not_asked=n_not_asked, n_too_slow=n_too_slow)


@dataclass(frozen=True)
class Checks:
    """The checks that decide a verdict, and a reward model's scores, which decide only without checks."""

    picked: Sequence[Picked]
    has_scores: bool = False

    def metric(self, pairs: Answers, groups: Groups) -> dict[str, Pair]:
        """The deciding metric of both models, by key, and the share of higher scores; empty without answers. `groups`
        are those of the pairs."""
        if not pairs:
            return {}
        scored = {SCORED: liked.against_half(liked.wins_of(pairs, groups))} if self.has_scores else {}
        if not self.picked:
            return scored
        before, after = (self._values(side)[HEADLINE] for side in zip(*pairs, strict=True))
        return {HEADLINE: _paired(before, after, groups), **scored}

    def beside_always(self, answer: str, pairs: Answers, groups: Groups) -> dict[str, Pair]:
        """The same of giving always one answer, and the adapted model; empty if no check compares with the rows."""
        if not pairs or not any(one.verifier.needs_reference for one in self.picked):
            return {}
        always = shares(self.picked, [passed(self.picked, answer, one.expected) for one, _ in pairs])
        mine = self._values([after for _, after in pairs])
        return {HEADLINE: _paired(always[HEADLINE], mine[HEADLINE], groups)}

    def measures(self, pairs: Answers, groups: Groups) -> dict[str, Measure]:
        """Each check of both models, and the mean scores."""
        if not pairs:
            return {}
        before, after = (self._values(side) for side in zip(*pairs, strict=True))
        return measures.compare(METRICS, before, after, groups)

    def _values(self, answers: Sequence[Answer]) -> dict[str, Floats]:
        found = shares(self.picked, [one.passed for one in answers])
        if self.has_scores:
            found[metric_of(REWARD_MODEL)] = np.array([one.score for one in answers], np.float64)
        return found


def _paired(before: Floats, after: Floats, groups: Groups) -> Pair:
    if np.isin(before, (0.0, 1.0)).all() and np.isin(after, (0.0, 1.0)).all():
        return paired_shares(before > 0, after > 0, groups=groups)
    return paired_means(before, after, np.ones(len(before)), groups=groups)
