"""What follows from the scores: better, worse, or neither."""

from __future__ import annotations

from collections.abc import Mapping

from storage.planning.detectable import FEWEST_GROUPS
from storage.runs.bootstrap import Interval, Pair
from workers.evaluation.sentences import (
    CHECKS,
    JUDGED,
    SAME_WITHIN_SHARE,
    Opponent,
    Outcome,
    improved,
    same_within,
    worsened,
)

ALWAYS = 0.95
"""A model that gives the trivial answer to this share of the rows is no better, however few rows there are."""


def outcome(
    headline: str,
    pair: Pair | None,
    n_groups: int,
    trivial: Opponent | None,
    metrics: Mapping[str, Pair],
    share_trivial: float,
    wins: Interval | None = None,
) -> Outcome:
    """The outcome, from the deciding metric of both models and of the trivial answer.

    `share_trivial` is the share of the adapted model's answers that are the trivial one. `wins` is how often its
    answers win over the first one's, where people judged answers: a rule that tells the pairs apart, such as their
    length, explains a ranking but no answers, so better answers are better than it; and a ranking is no better if the
    answers got worse.
    """
    if pair is None or n_groups < FEWEST_GROUPS:
        return "cant_tell"
    if is_unusable(headline, pair, trivial, metrics, share_trivial):
        return "lower_loss"
    if worsened(headline, pair.difference):
        return "worse"
    least = same_within(headline, pair)
    if improved(headline, pair.difference):
        if wins and wins.high < 0.5:
            return "not_better"
        if trivial is None or trivial.difference.low > 0 or (wins and wins.low > 0.5):
            return "better"
        is_same = trivial.difference.high <= least or share_trivial >= ALWAYS
        return "not_better" if is_same else "cant_tell"
    return "not_better" if max(-pair.difference.low, pair.difference.high) <= least else "cant_tell"


def is_unusable(
    headline: str, pair: Pair, trivial: Opponent | None, metrics: Mapping[str, Pair], share_trivial: float
) -> bool:
    """Whether the loss fell, but neither model's answers are better than the trivial one.

    Labels, and answers that are surely more often right than the base's, count as usable unless they are surely
    worse than always giving the most frequent one. A model that only gives the trivial answer has learned it.
    """
    if trivial is None or headline in (*JUDGED, CHECKS) or "loss" not in metrics or share_trivial >= ALWAYS:
        return False
    if not improved("loss", metrics["loss"].difference) or pair.base.low > trivial.score.high:
        return False
    ahead = trivial.difference
    if headline == "label_accuracy" or (headline == "exact_match" and improved(headline, pair.difference)):
        return ahead.high < 0
    return ahead.low <= 0 and ahead.value <= SAME_WITHIN_SHARE
