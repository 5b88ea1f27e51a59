"""What a verdict says of scores: by how much, and how far they follow length."""

from __future__ import annotations

import numpy as np

from storage.runs.bootstrap import correlation
from workers.preferences import reward_verdict

ALONE = np.arange(40)
RIGHT = np.array([1.0, 0.0] * 20)
WORDS = "always preferring the longer answer"


def drawn(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=40)


def test_scores_that_are_lengths_are_found_out() -> None:
    long, short = 10 + drawn(1), 5 + drawn(2)
    found = reward_verdict.of(long, short, (long, short), (WORDS, RIGHT), ALONE)
    assert found.length_correlation
    assert found.length_correlation.value > 0.999
    assert found.sentence.startswith("Longer answers get higher scores")
    assert found.margin.low > 3
    assert found.against_rule
    assert found.against_rule.value == 1.0
    assert found.n_against_rule == 20


def test_scores_that_do_not_follow_length_are_not_accused() -> None:
    found = reward_verdict.of(drawn(1) + 1, drawn(2), (drawn(3), drawn(4)), (WORDS, RIGHT), ALONE)
    assert found.length_correlation
    assert found.length_correlation.low < 0 < found.length_correlation.high
    assert found.sentence.startswith("Scores do not surely depend on length")
    assert found.chosen[0] == (drawn(1) + 1).min()
    assert len(found.rejected) == reward_verdict.PERCENTILES


def test_what_can_not_be_measured_is_left_out() -> None:
    same = np.ones(40)
    found = reward_verdict.of(same, same, (same, same), (WORDS, np.ones(40)), ALONE)
    assert found.length_correlation is None
    assert found.against_rule is None
    assert "can't be compared" in found.sentence


def test_the_interval_of_a_correlation_covers_the_truth_and_grows_with_groups() -> None:
    """Of 100 samples with a correlation of 0.6, about 95 intervals hold it; equal rows count once."""
    held = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        one = draw.normal(size=80)
        found = correlation(one, 0.6 * one + 0.8 * draw.normal(size=80), seed=seed)
        assert found
        held += found.low <= 0.6 <= found.high
    assert 88 <= held <= 99
    one, other = drawn(5), drawn(5) + drawn(6)
    alone = correlation(one, other)
    fourfold = correlation(np.tile(one, 4), np.tile(other, 4), np.tile(ALONE, 4))
    assert alone
    assert fourfold
    assert abs((fourfold.high - fourfold.low) - (alone.high - alone.low)) < 0.05
