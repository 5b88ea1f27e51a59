"""The intervals, against known values and against the coverage they promise."""

import numpy as np
import pytest

from workers.evaluation.bootstrap import mean_interval, paired_means, paired_shares, wilson


def test_wilson_gives_the_published_values() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29 (score method without continuity correction).
    for n_right, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        interval = wilson(n_right, n)
        assert interval.value == n_right / n
        assert interval.low == pytest.approx(low, abs=5e-5)
        assert interval.high == pytest.approx(high, abs=5e-5)


def test_wilson_is_not_certain_at_the_ends() -> None:
    assert wilson(40, 40).low < 0.95
    assert wilson(40, 40).high == 1.0
    assert wilson(0, 40).low == 0.0


def test_a_loss_is_weighted_by_tokens() -> None:
    interval = mean_interval(np.array([10.0, 1.0]), np.array([10.0, 1000.0]))
    assert interval.value == pytest.approx(11 / 1010)


def test_pairing_narrows_the_difference() -> None:
    generator = np.random.default_rng(1)
    base = generator.normal(5, 2, size=300)
    adapted = base - 0.1 + generator.normal(0, 0.05, size=300)
    pair = paired_means(base, adapted, np.ones(300))
    assert pair.difference.high < 0
    assert pair.base.low < pair.adapted.high  # apart from each other, the two intervals overlap
    assert pair.difference.high - pair.difference.low < 0.1 * (pair.base.high - pair.base.low)


def test_the_same_scores_give_the_same_interval() -> None:
    right = np.array([True] * 30 + [False] * 20)
    assert paired_shares(right, ~right) == paired_shares(right, ~right)


def test_few_rows_that_agree_are_not_certain() -> None:
    three = paired_shares(np.zeros(3, dtype=bool), np.ones(3, dtype=bool))
    assert three.difference.value == 1.0
    assert three.difference.low <= 0.0
    hundred = paired_shares(np.zeros(100, dtype=bool), np.ones(100, dtype=bool))
    assert hundred.difference.low > 0.9


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(7)
    n_covered = 0
    for seed in range(200):
        base = generator.random(60) < 0.4
        adapted = np.where(generator.random(60) < 0.5, base, generator.random(60) < 0.6)
        truth = 0.5 * (0.6 - 0.4)
        difference = paired_shares(base, adapted, seed=seed).difference
        n_covered += difference.low <= truth <= difference.high
    assert 0.90 <= n_covered / 200 <= 1.0


def test_more_rows_than_fit_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.evaluation.bootstrap.CELLS_AT_ONCE", 50)
    sums = np.arange(40, dtype=float)
    interval = mean_interval(sums, np.ones(40))
    assert interval.low < 19.5 < interval.high
