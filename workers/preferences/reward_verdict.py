"""What a verdict says of a reward model: how far its scores tell the better answer, and how far they follow length."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from storage.runs.bootstrap import Floats, Groups, Interval, correlation, mean_interval, renumbered, share

PERCENTILES = 101
FEWEST_AGAINST = 8
"""Pairs in which the rule is wrong, below which a share of them says nothing."""


class RewardVerdict(BaseModel):
    """Scores on held-out pairs. They have no unit: compare them with `spread`, or with the percentiles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str
    """The trivial rule, e.g. `always preferring the longer answer`."""
    n_pairs: int
    margin: Interval
    """Mean of the chosen answer's score minus the rejected one's."""
    spread: float
    """Standard deviation of all scores."""
    length_correlation: Interval | None
    """Pearson's correlation of score and length in tokens over all answers; None if all scores or lengths are equal."""
    length_of_chosen: Interval | None
    """The same of being the chosen answer and length: what the pairs themselves teach."""
    against_rule: Interval | None
    """The share of pairs ranked right among those that the rule gets wrong; None if they are too few."""
    n_against_rule: int
    chosen: tuple[float, ...]
    """Percentiles 0 to 100 of the chosen answers' scores."""
    rejected: tuple[float, ...]
    sentence: str
    """What the scores have to do with length."""


def of(
    chosen: Floats, rejected: Floats, lengths: tuple[Floats, Floats], rule: tuple[str, Floats], groups: Groups
) -> RewardVerdict:
    """Judge the scores of both answers of each held-out pair, `(n_pairs,)`.

    `lengths` are those of the chosen and of the rejected answers, in tokens; `rule` is the trivial rule's words, and
    whether it ranks each pair right.
    """
    both, long = np.concatenate([chosen, rejected]), np.concatenate(lengths)
    twice = renumbered(np.concatenate([groups, groups]))
    is_chosen = np.repeat([1.0, 0.0], len(chosen))
    wrong = rule[1] <= 0
    against = share((chosen > rejected)[wrong], renumbered(groups[wrong])) if wrong.sum() >= FEWEST_AGAINST else None
    of_length = correlation(both, long, twice)
    return RewardVerdict(
        rule=rule[0],
        n_pairs=len(chosen),
        margin=mean_interval(chosen - rejected, np.ones(len(chosen)), groups=groups),
        spread=float(both.std()),
        length_correlation=of_length,
        length_of_chosen=correlation(is_chosen, long, twice),
        against_rule=against,
        n_against_rule=int(wrong.sum()),
        chosen=_percentiles(chosen),
        rejected=_percentiles(rejected),
        sentence=_sentence(of_length),
    )


def _percentiles(scores: Floats) -> tuple[float, ...]:
    return tuple(np.percentile(scores, np.linspace(0, 100, PERCENTILES)).tolist())


def _sentence(found: Interval | None) -> str:
    if found is None:
        return "All answers have the same length or the same score, so length and score can't be compared."
    if found.low > 0:
        words = "Longer answers get higher scores"
    elif found.high < 0:
        words = "Shorter answers get higher scores"
    else:
        words = "Scores do not surely depend on length"
    value, low, high = (f"{one:+.2f}".replace("-", "−") for one in (found.value, found.low, found.high))
    return f"{words}: the correlation of score and length is {value} [{low}, {high}]."
