"""95 % intervals of scores, from resampled groups of rows that are the same for both models.

Every score here is a weighted mean over rows: a loss is the sum of the rows' losses over the sum of
their tokens, an accuracy is a mean of zeros and ones. Whole rows are resampled, because the tokens
of one answer are not independent; and nearly equal rows, or rows of one document, are resampled
together, because they tend to be right or wrong together (the cluster bootstrap: Field and Welsh 2007,
“Bootstrapping clustered data”). `groups` holds each row's group number; None means that every row is
a group of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.intp]
"""The group number of each row, `(n_rows,)`, without gaps."""
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


def wilson(n_right: float, n: float) -> Interval:
    """A share with Wilson's score interval (1927), which also holds at 0 % and 100 %."""
    if n == 0:
        raise ValueError("a share of no rows has no interval")
    share, z2 = n_right / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(value=share, low=max(0.0, min(share, centre - half)), high=min(1.0, max(share, centre + half)))


def n_effective(values: Floats, groups: Groups | None) -> float:
    """The number of independent rows that would tell as much about the mean of `values`, `(n_rows,)`.

    The rows are divided by the design effect: how much larger the variance between groups makes the mean's
    variance than independent rows would (Kish 1965). If all values are equal it can't be estimated, and
    rows of a group are counted as one observation.
    """
    n = len(values)
    if groups is None:
        return n
    sizes = np.bincount(groups).astype(np.float64)
    alone = (sizes**2).sum() / n  # the design effect of groups whose rows are all alike
    mean, n_groups = values.mean(), len(sizes)
    spread = values.var()
    if spread == 0 or n_groups < 2:
        return float(n / alone)
    off = np.bincount(groups, weights=values) - mean * sizes
    effect = (off**2).sum() * n_groups / (n_groups - 1) / (n * spread)
    return float(n / min(max(effect, 1.0), max(alone, 1.0)))


def share(right: npt.NDArray[np.bool_], groups: Groups | None = None) -> Interval:
    """The share of right rows; Wilson's interval for the effective number of rows (Franco et al. 2019)."""
    n, value = n_effective(right.astype(np.float64), groups), float(right.mean())
    return wilson(value * n, n).model_copy(update={"value": value})


def renumbered(groups: Groups) -> Groups:
    """The groups of some of the rows, numbered without gaps."""
    return np.unique(groups, return_inverse=True)[1]


def in_groups(values: Floats, groups: Groups | None) -> Floats:
    """The sum of each group's rows, `(n_groups, …)`."""
    if groups is None:
        return values
    sums = np.zeros((int(groups.max()) + 1, *values.shape[1:]))
    np.add.at(sums, groups, values)
    return sums


def resampled_means(
    columns: Floats,
    weights: Floats,
    seed: int = SEED,
    n_resamples: int = N_RESAMPLES,
    groups: Groups | None = None,
) -> Floats:
    """Weighted mean of each column, `(n_resamples, n_columns)`, with groups of rows drawn with replacement.

    `columns` is `(n_rows, n_columns)`, already multiplied by the weights; `weights` is `(n_rows,)`.
    """
    columns, weights = in_groups(columns, groups), in_groups(weights, groups)
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
    sums: Floats,
    weights: Floats,
    transform: Callable[[Any], Any] = lambda mean: mean,
    seed: int = SEED,
    groups: Groups | None = None,
) -> Interval:
    """The weighted mean `sums.sum() / weights.sum()`, transformed, with a percentile interval."""
    samples = resampled_means(sums[:, None], weights, seed, groups=groups)[:, 0]
    return _percentiles(float(transform(sums.sum() / weights.sum())), transform(samples))


def paired_means(
    base: Floats,
    adapted: Floats,
    weights: Floats,
    transform: Callable[[Any], Any] = lambda mean: mean,
    seed: int = SEED,
    groups: Groups | None = None,
) -> Pair:
    """Two weighted means over the same rows, and their difference, from the same resamples."""
    samples = transform(resampled_means(np.stack([base, adapted], axis=1), weights, seed, groups=groups))
    total = weights.sum()
    value_base, value_adapted = float(transform(base.sum() / total)), float(transform(adapted.sum() / total))
    return Pair(
        base=_percentiles(value_base, samples[:, 0]),
        adapted=_percentiles(value_adapted, samples[:, 1]),
        difference=_percentiles(value_adapted - value_base, samples[:, 1] - samples[:, 0]),
    )


def paired_shares(
    base: npt.NDArray[np.bool_], adapted: npt.NDArray[np.bool_], seed: int = SEED, groups: Groups | None = None
) -> Pair:
    """Two shares of right rows and their difference, from a smoothed paired bootstrap.

    Before resampling, one group of mean size that got better and one that got worse are added (Bonett and
    Price 2012, for single rows): without them, a few groups that all agree would give an interval of width
    zero.
    """
    n = len(base)
    changes = in_groups(adapted.astype(np.float64) - base.astype(np.float64), groups)
    sizes = in_groups(np.ones(n), groups)
    mean_size = n / len(sizes)
    smoothed = np.concatenate([changes, [mean_size, -mean_size]])
    samples = resampled_means(smoothed[:, None], np.concatenate([sizes, [mean_size, mean_size]]), seed)[:, 0]
    return Pair(
        base=share(base, groups),
        adapted=share(adapted, groups),
        difference=_percentiles(int(adapted.sum()) / n - int(base.sum()) / n, samples),
    )


def correlation(one: Floats, other: Floats, groups: Groups | None = None, seed: int = SEED) -> Interval | None:
    """Pearson's correlation of two values of each row, `(n_rows,)`; None if one of them is the same in all rows."""
    if one.std() == 0 or other.std() == 0:
        return None
    a, b = (one - one.mean()) / one.std(), (other - other.mean()) / other.std()
    means = resampled_means(np.stack([a, b, a * a, b * b, a * b], axis=1), np.ones(len(a)), seed, groups=groups)
    mean_a, mean_b, aa, bb, ab = means.T
    spread = np.sqrt(np.maximum(aa - mean_a**2, 0) * np.maximum(bb - mean_b**2, 0))
    drawn = spread > 0  # a resample whose rows are all alike has no correlation
    return _percentiles(float((a * b).mean()), ((ab - mean_a * mean_b)[drawn] / spread[drawn]).clip(-1, 1))


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
