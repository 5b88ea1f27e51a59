"""The intervals, against known values and against the coverage they promise."""

import numpy as np
import pytest

from storage.runs.bootstrap import mean_interval, n_effective, paired_means, paired_shares, share, wilson


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
    monkeypatch.setattr("storage.runs.bootstrap.CELLS_AT_ONCE", 50)
    sums = np.arange(40, dtype=float)
    interval = mean_interval(sums, np.ones(40))
    assert interval.low < 19.5 < interval.high


def test_repeated_rows_tell_no_more_than_single_ones() -> None:
    generator = np.random.default_rng(5)
    base, adapted = (generator.random(40) < chance for chance in (0.3, 0.6))
    groups = np.repeat(np.arange(40), 5)
    one, five = paired_shares(base, adapted), paired_shares(np.repeat(base, 5), np.repeat(adapted, 5), groups=groups)
    for name in ("base", "adapted", "difference"):
        single, grouped = getattr(one, name), getattr(five, name)
        assert grouped.value == pytest.approx(single.value)
        assert grouped.low == pytest.approx(single.low, abs=0.02)
        assert grouped.high == pytest.approx(single.high, abs=0.02)
    careless = paired_shares(np.repeat(base, 5), np.repeat(adapted, 5)).difference
    assert careless.high - careless.low < 0.6 * (five.difference.high - five.difference.low)


def test_groups_whose_rows_differ_cost_nothing() -> None:
    generator = np.random.default_rng(6)
    right = generator.random(200) < 0.5
    groups = generator.permutation(np.repeat(np.arange(100), 2))
    assert n_effective(right.astype(float), groups) > 150
    assert n_effective(np.ones(200), groups) == 100, "unknown, so each group counts once"
    assert n_effective(np.ones(200), None) == 200
    assert share(np.ones(200, dtype=bool), groups) == wilson(100, 100)


def test_few_groups_that_agree_are_not_certain() -> None:
    groups = np.repeat(np.arange(3), 20)
    three = paired_shares(np.zeros(60, dtype=bool), np.ones(60, dtype=bool), groups=groups)
    assert three.difference.low <= 0.0


def test_grouped_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(8)
    groups = np.repeat(np.arange(30), 4)
    n_covered = n_careless = 0
    for seed in range(200):
        shift = np.repeat(generator.normal(0, 1, 30), 4)  # rows of a group change together
        base = generator.normal(0, 1, 120)
        adapted = base + 0.3 + shift + generator.normal(0, 0.3, 120)
        difference = paired_means(base, adapted, np.ones(120), seed=seed, groups=groups).difference
        careless = paired_means(base, adapted, np.ones(120), seed=seed).difference
        n_covered += difference.low <= 0.3 <= difference.high
        n_careless += careless.low <= 0.3 <= careless.high
    assert n_covered / 200 >= 0.90
    assert n_careless / 200 < 0.80
