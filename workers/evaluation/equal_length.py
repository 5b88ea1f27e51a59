"""What a win rate would be if both models' answers were equally long.

A logistic regression of wins on the difference in length, read at a difference of zero, as in length-controlled
AlpacaEval (Dubois et al. 2024, arXiv 2404.04475), whose terms for the instruction and the models are left out.
"""

from __future__ import annotations

import numpy as np

from storage.runs.bootstrap import SEED, Floats, Groups, Interval, in_groups, n_effective, wilson

N_RESAMPLES = 500
N_STEPS = 25
CLOSE = 1e-4
"""Newton's method ends once no log odds move further than this."""
FEWEST = 5
"""Answers that did not get longer, and answers that did not get shorter, below which there is nothing to read off."""
MOST_STEEP = 30.0
"""Log odds beyond which a probability is 0 or 1."""


def rate(wins: Floats, longer_by: Floats, groups: Groups | None = None) -> Interval | None:
    """The win rate at equal length, given each row's win (1, ½ or 0) and its difference in length, `(n_rows,)`.

    None if hardly any answers have the same length, or if all that differ go one way. A win and a loss are added on
    either side, as `bootstrap.paired_shares` adds them, so that wins without any loss don't make the odds infinite.
    """
    if min((longer_by <= 0).sum(), (longer_by >= 0).sum()) < FEWEST:
        return None
    spread = longer_by.std()
    lengths = longer_by / spread if spread else longer_by
    weights = np.ones((1, len(wins)))
    sizes = in_groups(np.ones(len(wins)), groups)
    drawn = np.random.default_rng(SEED).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), N_RESAMPLES)
    resampled = drawn.astype(np.float64) if groups is None else drawn[:, groups].astype(np.float64)
    value = float(_at_zero(wins, lengths, weights)[0])
    low, high = np.percentile(_at_zero(wins, lengths, resampled), (2.5, 97.5))
    n = n_effective(wins, groups)
    least = wilson(value * n, n)  # if wins hardly vary, resampling would give an interval of width zero
    return Interval(value=value, low=min(float(low), least.low), high=max(float(high), least.high))


def _at_zero(wins: Floats, lengths: Floats, weights: Floats) -> Floats:
    """For each row of `weights`, `(n_resamples, n_rows)`, the probability of a win at length 0, fitted by Newton."""
    x = np.concatenate([lengths, [-1.0, -1.0, 1.0, 1.0]])
    y = np.concatenate([wins, [0.0, 1.0, 0.0, 1.0]])
    w = np.concatenate([weights, np.full((len(weights), 4), 0.5)], axis=1)
    intercept, slope = np.zeros(len(w)), np.zeros(len(w))
    for _ in range(N_STEPS):
        odds = np.clip(intercept[:, None] + slope[:, None] * x, -MOST_STEEP, MOST_STEEP)
        p = 1 / (1 + np.exp(-odds))
        off, bend = w * (y - p), w * p * (1 - p) + 1e-9
        g0, g1 = off.sum(1), (off * x).sum(1)
        h00, h01, h11 = bend.sum(1), (bend * x).sum(1), (bend * x * x).sum(1)
        scale = h00 * h11 - h01**2
        moved = np.clip(np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0]) / scale, -2, 2)
        intercept, slope = intercept + moved[0], slope + moved[1]
        if np.abs(moved).max() < CLOSE:
            break
    found: Floats = 1 / (1 + np.exp(-np.clip(intercept, -MOST_STEEP, MOST_STEEP)))
    return found
