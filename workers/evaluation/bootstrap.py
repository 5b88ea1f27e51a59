"""95 % intervals of scores, from resampled rows that are the same for both models.

Every score here is a weighted mean over rows: a loss is the sum of the rows' losses over the sum of
their tokens, an accuracy is a mean of zeros and ones. Whole rows are resampled, because the tokens
of one answer are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Floats = npt.NDArray[np.float64]
N_RESAMPLES = 4000
SEED = 20240229
Z_95 = 1.959963984540054
CELLS_AT_ONCE = 4_000_000
"""Resampled rows in memory at once; limits memory for large held-out sets."""


class Interval(BaseModel):
    """A score and its 95 % interval."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    low: float
    high: float


class Pair(BaseModel):
    """One score for both models; `difference` is adapted minus base, resampled in pairs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Interval
    adapted: Interval
    difference: Interval


def wilson(n_right: int, n: int) -> Interval:
    """A share with Wilson's score interval (1927), which also holds at 0 % and 100 %."""
    if n == 0:
        raise ValueError("a share of no rows has no interval")
    share, z2 = n_right / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(value=share, low=max(0.0, min(share, centre - half)), high=min(1.0, max(share, centre + half)))


def resampled_means(columns: Floats, weights: Floats, seed: int = SEED, n_resamples: int = N_RESAMPLES) -> Floats:
    """Weighted mean of each column, `(n_resamples, n_columns)`, with rows drawn with replacement.

    `columns` is `(n_rows, n_columns)`, already multiplied by the weights; `weights` is `(n_rows,)`.
    """
    generator = np.random.default_rng(seed)
    n_rows = len(weights)
    at_once = max(1, CELLS_AT_ONCE // n_rows)
    means = []
    for start in range(0, n_resamples, at_once):
        drawn = generator.integers(0, n_rows, size=(min(at_once, n_resamples - start), n_rows))
        totals = weights[drawn].sum(axis=1)
        means.append(np.stack([columns[:, c][drawn].sum(axis=1) / totals for c in range(columns.shape[1])], axis=1))
    return np.concatenate(means)


def _percentiles(value: float, samples: Floats) -> Interval:
    low, high = np.percentile(samples, (2.5, 97.5))
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def mean_interval(
    sums: Floats, weights: Floats, transform: Callable[[Any], Any] = lambda mean: mean, seed: int = SEED
) -> Interval:
    """The weighted mean `sums.sum() / weights.sum()`, transformed, with a percentile interval."""
    samples = resampled_means(sums[:, None], weights, seed)[:, 0]
    return _percentiles(float(transform(sums.sum() / weights.sum())), transform(samples))


def paired_means(
    base: Floats,
    adapted: Floats,
    weights: Floats,
    transform: Callable[[Any], Any] = lambda mean: mean,
    seed: int = SEED,
) -> Pair:
    """Two weighted means over the same rows, and their difference, from the same resamples."""
    samples = transform(resampled_means(np.stack([base, adapted], axis=1), weights, seed))
    total = weights.sum()
    value_base, value_adapted = float(transform(base.sum() / total)), float(transform(adapted.sum() / total))
    return Pair(
        base=_percentiles(value_base, samples[:, 0]),
        adapted=_percentiles(value_adapted, samples[:, 1]),
        difference=_percentiles(value_adapted - value_base, samples[:, 1] - samples[:, 0]),
    )


def paired_shares(base: npt.NDArray[np.bool_], adapted: npt.NDArray[np.bool_], seed: int = SEED) -> Pair:
    """Two shares of right rows and their difference, from a smoothed paired bootstrap.

    Before resampling, one row that got better and one that got worse are added (Bonett and Price
    2012): without them, a few rows that all agree would give an interval of width zero.
    """
    n = len(base)
    changes = np.concatenate([adapted.astype(np.float64) - base.astype(np.float64), [1.0, -1.0]])
    samples = resampled_means(changes[:, None], np.ones(n + 2), seed)[:, 0]
    right_base, right_adapted = int(base.sum()), int(adapted.sum())
    return Pair(
        base=wilson(right_base, n),
        adapted=wilson(right_adapted, n),
        difference=_percentiles((right_adapted - right_base) / n, samples),
    )


def strata_mean(strata: Sequence[Floats], seed: int = SEED) -> Interval:
    """The mean of the strata's means, each stratum's rows `(n_rows,)` resampled on their own.

    If all rows of all strata are equal, resampling would give an interval of width zero; then this is
    Wilson's interval for that many rows.
    """
    value = float(np.mean([rows.mean() for rows in strata]))
    alike = np.unique(np.concatenate(strata))
    if len(alike) == 1 and alike[0] in (0.0, 1.0):
        n = sum(len(rows) for rows in strata)
        return wilson(n * int(alike[0]), n)
    return _percentiles(value, _resampled_strata([rows[:, None] for rows in strata], seed)[:, 0])


def paired_strata(base: Sequence[Floats], adapted: Sequence[Floats], seed: int = SEED) -> Pair:
    """Two means over strata and their difference, from the same resamples of the same rows.

    As in `paired_shares`, a row that got better and one that got worse are added to the changes, here
    to the strata as a whole.
    """
    both = [np.stack(pair, axis=1) for pair in zip(base, adapted, strict=True)]
    samples = _resampled_strata(both, seed)
    n = sum(len(rows) for rows in both)
    generator = np.random.default_rng(seed + 1)
    better, worse = (generator.binomial(n, 1 / n, len(samples)) for _ in range(2))
    means = [float(np.mean([rows.mean() for rows in side])) for side in (base, adapted)]
    changes = samples[:, 1] - samples[:, 0] + (better - worse) / n
    return Pair(
        base=strata_mean(base, seed),
        adapted=strata_mean(adapted, seed),
        difference=_percentiles(means[1] - means[0], changes),
    )


def _resampled_strata(strata: Sequence[Floats], seed: int, n_resamples: int = N_RESAMPLES) -> Floats:
    """Mean over strata of each column's mean, `(n_resamples, n_columns)`; a stratum is `(n_rows, n_columns)`."""
    generator = np.random.default_rng(seed)
    total = np.zeros((n_resamples, strata[0].shape[1]))
    for rows in strata:
        # Rows take few different values, so drawing the count of each value is the same as drawing rows.
        distinct, counts = np.unique(rows, axis=0, return_counts=True)
        drawn = generator.multinomial(len(rows), counts / len(rows), size=n_resamples)
        total += drawn @ distinct / len(rows)
    means: Floats = total / len(strata)
    return means
