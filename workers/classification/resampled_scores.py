"""Macro-F1 and calibration error of two models with 95 % intervals, from the same resampled groups of rows."""

from __future__ import annotations

import warnings

import numpy as np

from storage.runs.bootstrap import SEED, Floats, Groups, Interval, Pair, paired_shares, renumbered, share

N_RESAMPLES = 2000
N_BINS = 10
"""Of equal width."""


def macro_f1(expected: Groups, base: Groups, adapted: Groups, n_labels: int, groups: Groups) -> Pair:
    """The mean F1 of the labels that have rows; all are the labels' places, `(rows,)`.

    Where all answers are right or all wrong, resampling would give an interval of width zero; then it is that of the
    share of right answers.
    """
    groups = renumbered(groups)
    drawn = _drawn(int(groups.max()) + 1)
    there = np.bincount(expected, minlength=n_labels) > 0
    samples = [_f1s(expected, given, n_labels, groups, drawn)[:, there] for given in (base, adapted)]
    whole = np.ones((1, drawn.shape[1]))
    values = [float(_mean(_f1s(expected, given, n_labels, groups, whole)[:, there])[0]) for given in (base, adapted)]
    means = [_mean(one) for one in samples]
    by_rows = paired_shares(base == expected, adapted == expected, groups=groups)
    return Pair(
        base=_interval(values[0], means[0]) or share(base == expected, groups),
        adapted=_interval(values[1], means[1]) or share(adapted == expected, groups),
        difference=_interval(values[1] - values[0], means[1] - means[0]) or by_rows.difference,
    )


def calibration_error(
    base: tuple[Floats, Floats], adapted: tuple[Floats, Floats], groups: Groups, n_bins: int = N_BINS
) -> Pair:
    """The expected calibration error: how far confidence is from the share of right answers, over bins of confidence.

    Each model's `(confidence, right)`, both `(rows,)`. With few rows chance alone makes it larger than zero, and in
    resamples once more; so these are moved back by the mean of what they add.
    """
    groups = renumbered(groups)
    drawn = _drawn(int(groups.max()) + 1)
    sizes = np.bincount(groups).astype(np.float64)
    samples, values = [], []
    for confidence, right in (base, adapted):
        off = np.zeros((len(sizes), n_bins))
        np.add.at(off, (groups, bins(confidence, n_bins)), right - confidence)
        values.append(float(np.abs(off.sum(axis=0)).sum() / sizes.sum()))
        found = np.abs(drawn @ off).sum(axis=1) / (drawn @ sizes)
        samples.append(np.maximum(0.0, found - (found.mean() - values[-1])))
    both = [_interval(value, one) or _point(value) for value, one in zip(values, samples, strict=True)]
    difference = values[1] - values[0]
    return Pair(
        base=both[0],
        adapted=both[1],
        difference=_interval(difference, samples[1] - samples[0]) or _point(difference),
    )


def bins(confidence: Floats, n_bins: int = N_BINS) -> Groups:
    """The bin of each confidence; the last one includes 1."""
    return np.minimum((confidence * n_bins).astype(np.intp), n_bins - 1)


def _drawn(n_groups: int) -> Floats:
    """How often each group is drawn, `(resamples, groups)`."""
    generator = np.random.default_rng(SEED)
    return generator.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=N_RESAMPLES).astype(np.float64)


def _f1s(expected: Groups, given: Groups, n_labels: int, groups: Groups, drawn: Floats) -> Floats:
    """Each label's F1 in each resample, `(resamples, labels)`; NaN where it neither has rows nor is given."""
    hits, asked = (np.zeros((drawn.shape[1], n_labels)) for _ in range(2))
    right = given == expected
    np.add.at(hits, (groups[right], expected[right]), 2.0)
    np.add.at(asked, (groups, expected), 1.0)
    np.add.at(asked, (groups, given), 1.0)
    total = drawn @ asked
    return np.divide(drawn @ hits, total, out=np.full_like(total, np.nan), where=total > 0)


def _mean(found: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a resample may have none of the labels that count
        means: Floats = np.nan_to_num(np.nanmean(found, axis=1))
    return means


def _interval(value: float, samples: Floats) -> Interval | None:
    """The value with its percentile interval; None if all samples are equal."""
    low, high = (float(end) for end in np.percentile(samples, (2.5, 97.5)))
    return None if low == high else Interval(value=value, low=min(low, value), high=max(high, value))


def _point(value: float) -> Interval:
    """A value that no resampling changes: every group has the same rows."""
    return Interval(value=value, low=value, high=value)
