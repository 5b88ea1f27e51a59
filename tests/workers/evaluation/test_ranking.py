"""The area under the ROC curve, and values of single answers whose mean and spread are the area's."""

from __future__ import annotations

import numpy as np
import pytest

from workers.evaluation import ranking


def test_the_mean_is_the_share_of_couples_in_order() -> None:
    scores, good = np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False])
    assert ranking.values(scores, good).mean() == pytest.approx(0.75)
    assert ranking.values(-scores, good).mean() == pytest.approx(0.25)
    assert ranking.values(np.zeros(4), good).mean() == pytest.approx(0.5)


def test_without_both_kinds_there_is_none() -> None:
    assert np.isnan(ranking.values(np.arange(3.0), np.ones(3, np.bool_))).all()


def test_the_spread_is_that_of_the_area() -> None:
    """Over many samples, the area varies as much as each sample's values say."""
    generator, areas, told = np.random.default_rng(0), [], []
    for _ in range(400):
        good = np.arange(60) < 20
        values = ranking.values(generator.normal(size=60) + good, good)
        areas.append(values.mean())
        told.append(values.std(ddof=1) / np.sqrt(60))
    assert np.mean(told) == pytest.approx(np.std(areas), rel=0.12)
