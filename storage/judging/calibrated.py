"""A judge's win rate, corrected by a person's votes: a prediction-powered interval.

The judge scores the answers to N prompts, and the answers on which n votes were given. Its mean is corrected by how
far it is off where a person has voted:

    θ̂ = mean_N(judge) + mean_n(vote − judge)    var = var_N(judge) / N + var_n(vote − judge) / n

This holds however bad the judge is, as long as the votes are on prompts like the others. A good judge makes the
interval narrower than that of the votes alone, and a worthless one doesn't (Angelopoulos et al. 2023,
“Prediction-powered inference”, arXiv 2301.09633).
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from storage.planning.detectable import FEWEST_GROUPS
from storage.runs.bootstrap import Z_95, Floats, Groups, Interval, n_effective, share

EVEN = 0.5
SMOOTHED = 0.5
"""A row this far above the mean and one this far below are added to each variance: without them, a few votes that all
agree with the judge would give it none."""


class Calibrated(BaseModel):
    """The second model's win rate as a judge and a person's votes give it together; ties count half."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_judged: int
    n_votes: int
    rate: Interval
    """With the judge and the votes."""
    votes: Interval
    """With the votes alone."""
    agreement: Interval
    """The share of votes of which the judge said the same: the same winner, or none."""
    is_worthless: bool
    """The judge adds nothing: its interval is as wide as that of the votes alone, before either is cut to shares."""


def of(
    judged: Floats, voted: Floats, judged_votes: Floats, groups: Groups | None = None, same_prompt: Groups | None = None
) -> Calibrated | None:
    """The win rate on prompts of which `judged`, `(N,)`, holds the judge's scores, each 0, ½ or 1.

    `voted` and `judged_votes`, `(n,)`, are the votes and the judge's scores of the same answers; `groups` and
    `same_prompt` are groups of prompts that are alike. None with too few votes, on different prompts, to say anything,
    or without other prompts.
    """
    n_prompts = len(voted) if same_prompt is None else int(same_prompt.max(initial=-1)) + 1
    if not len(judged) or n_prompts < FEWEST_GROUPS:
        return None
    off = voted - judged_votes
    of_votes = _variance(voted, same_prompt)
    variance = _variance(judged, groups) + _variance(off, same_prompt)
    return Calibrated(
        n_judged=len(judged),
        n_votes=len(voted),
        rate=_interval(float(judged.mean() + off.mean()), variance),
        votes=_interval(float(voted.mean()), of_votes),
        agreement=agreement(voted, judged_votes, same_prompt),
        is_worthless=variance >= of_votes,
    )


def agreement(voted: Floats, judged_votes: Floats, same_prompt: Groups | None = None) -> Interval:
    """The share of votes, `(n,)`, of which the judge said the same. Raises `ValueError` without a vote."""
    return share(voted == judged_votes, same_prompt)


def _variance(values: Floats, groups: Groups | None) -> float:
    """The variance of the mean of `values`, `(n,)`."""
    squares = float(((values - values.mean()) ** 2).sum()) + 2 * SMOOTHED**2
    return squares / (len(values) + 1) / n_effective(values, groups)


def _interval(value: float, variance: float) -> Interval:
    """Around a value from 0 to 1: a correction can lead beyond, and cutting only the ends would leave no width."""
    half, value = Z_95 * math.sqrt(variance), min(1.0, max(0.0, value))
    return Interval(value=value, low=max(0.0, value - half), high=min(1.0, value + half))
