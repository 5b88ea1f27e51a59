"""A win rate at equal length: what is left of wins that length explains, and of wins that it doesn't."""

from __future__ import annotations

import numpy as np
import pytest

from workers.evaluation import equal_length

N = 300


@pytest.fixture
def longer_by() -> np.ndarray:
    return np.random.default_rng(1).normal(8, 10, N)


def test_wins_that_length_explains_are_no_wins(longer_by: np.ndarray) -> None:
    wins = (np.random.default_rng(2).random(N) < 1 / (1 + np.exp(-longer_by / 4))).astype(float)
    found = equal_length.rate(wins, longer_by)
    assert wins.mean() > 0.7
    assert found is not None
    assert found.low < 0.5 < found.high
    assert found.value == pytest.approx(0.5, abs=0.1)


def test_wins_that_length_does_not_explain_stay(longer_by: np.ndarray) -> None:
    wins = (np.random.default_rng(2).random(N) < 0.8).astype(float)
    found = equal_length.rate(wins, longer_by)
    assert found is not None
    assert found.value == pytest.approx(wins.mean(), abs=0.05)
    assert found.low > 0.65


def test_wins_without_a_loss_have_an_interval(longer_by: np.ndarray) -> None:
    found = equal_length.rate(np.ones(N), longer_by)
    assert found is not None
    assert found.value > 0.98
    assert found.low < found.value <= found.high


def test_nothing_is_said_if_all_answers_got_longer() -> None:
    assert equal_length.rate(np.ones(50), np.full(50, 6.0)) is None
    assert equal_length.rate(np.ones(50), np.full(50, -6.0)) is None


def test_without_any_difference_it_is_the_rate_itself() -> None:
    wins = np.array([1.0, 0.5] * 40)
    found = equal_length.rate(wins, np.zeros(80))
    assert found is not None
    assert found.value == pytest.approx(0.75, abs=0.01)


def test_groups_widen_the_interval(longer_by: np.ndarray) -> None:
    half, groups = np.repeat(longer_by[: N // 6], 6), np.repeat(np.arange(N // 6), 6)
    wins = np.repeat((np.random.default_rng(2).random(N // 6) < 0.7).astype(float), 6)
    alone, together = equal_length.rate(wins, half), equal_length.rate(wins, half, groups)
    assert alone is not None
    assert together is not None
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
