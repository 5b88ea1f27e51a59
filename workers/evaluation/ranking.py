"""How well a score tells good answers from bad ones that are not paired: the area under the ROC curve.

It is the share of all couples of a good and a bad answer in which the good one scores higher. Each answer's value is
such that their mean is that share, and its spread that of the share (DeLong et al. 1988); so values can be resampled
like any others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from storage.runs.bootstrap import Floats, Groups, Interval, Pair, paired_means, wilson

FEWEST_OF_A_KIND = 4
"""Good answers, and bad ones: with fewer, not even a perfect ranking could be told from chance."""


def values(scores: Floats, good: npt.NDArray[np.bool_]) -> Floats:
    """The value of each answer, `(n_answers,)`; not a number without answers of both kinds."""
    n, n_good, n_bad = len(scores), int(good.sum()), int((~good).sum())
    if not (n_good and n_bad):
        return np.full(n, np.nan)
    ahead = np.sign(scores[good][:, None] - scores[~good][None, :]) / 2 + 0.5
    area = ahead.mean()
    found = np.full(n, area)
    found[good] += (ahead.mean(1) - area) * n / n_good
    found[~good] += (ahead.mean(0) - area) * n / n_bad
    return found


def n_of_rarer_kind(good: npt.NDArray[np.bool_], groups: Groups) -> int:
    """Groups of rows that hold good answers, or that hold bad ones: the fewer of both."""
    return min(len(np.unique(groups[kind])) for kind in (good, ~good))


def against_chance(found: Floats, good: npt.NDArray[np.bool_], groups: Groups) -> Pair:
    """The mean of the values beside one half; its interval is at least as wide as that of the rarer kind's groups."""
    n_rarer = n_of_rarer_kind(good, groups)
    pair = paired_means(np.full(len(found), 0.5), found, np.ones(len(found)), groups=groups)
    value, least = pair.adapted.value, wilson(pair.adapted.value * n_rarer, n_rarer)
    low, high = min(pair.adapted.low, least.low), max(pair.adapted.high, least.high)
    return Pair(
        base=pair.base,
        adapted=Interval(value=value, low=low, high=high),
        difference=Interval(value=value - 0.5, low=low - 0.5, high=high - 0.5),
    )
