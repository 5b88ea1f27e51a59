"""A judge corrected by votes: the interval holds for good, biased and worthless judges, and is narrow for good ones."""

from __future__ import annotations

import numpy as np
import pytest

from storage.judging import calibrated
from storage.runs.bootstrap import Floats

OUTCOMES, SHARES = (1.0, 0.5, 0.0), (0.5, 0.2, 0.3)
TRUTH = 0.6
N_RUNS = 200


def answers(rng: np.random.Generator, n: int, agrees: float, otherwise: tuple[float, ...]) -> tuple[Floats, Floats]:
    """What a person would say to `n` pairs, and what a judge says."""
    person = rng.choice(OUTCOMES, n, p=SHARES)
    return person, np.where(rng.random(n) < agrees, person, rng.choice(OUTCOMES, n, p=otherwise))


def simulated(agrees: float, otherwise: tuple[float, ...], n: int, n_runs: int = N_RUNS) -> tuple[float, float, float]:
    """How often the interval holds the truth, and its mean width and that of the votes alone."""
    rng = np.random.default_rng(7)
    held, widths = 0, np.zeros(2)
    for _ in range(n_runs):
        voted, judged_votes = answers(rng, n, agrees, otherwise)
        _, judged = answers(rng, 150, agrees, otherwise)
        found = calibrated.of(judged, voted, judged_votes)
        assert found is not None
        held += found.rate.low <= TRUTH <= found.rate.high
        widths += [found.rate.high - found.rate.low, found.votes.high - found.votes.low]
    return held / n_runs, widths[0] / n_runs, widths[1] / n_runs


JUDGES = pytest.mark.parametrize(
    ("agrees", "otherwise"),
    [(0.9, SHARES), (0.7, (0.9, 0.1, 0.0)), (0.7, (0.0, 0.0, 1.0)), (0.0, SHARES)],
    ids=["good", "favours one", "favours the other", "worthless"],
)


@JUDGES
def test_the_interval_holds_the_truth_whatever_the_judge(agrees: float, otherwise: tuple[float, ...]) -> None:
    held, *_ = simulated(agrees, otherwise, 40)
    assert held >= 0.91, "of 200 runs, 95 % ± 2.5 standard errors"


@pytest.mark.long
@JUDGES
@pytest.mark.parametrize("n", [15, 40, 100])
def test_the_interval_holds_in_95_of_100(agrees: float, otherwise: tuple[float, ...], n: int) -> None:
    held, *_ = simulated(agrees, otherwise, n, 4000)
    few = n < 40  # a useless judge's interval is a little narrow then, and one that always agrees has a wide one
    assert (0.92 if few else 0.935) <= held <= (1.0 if few else 0.98)


def test_a_good_judge_narrows_the_interval_and_a_worthless_one_does_not() -> None:
    _, with_judge, alone = simulated(0.9, SHARES, 40)
    assert with_judge < 0.8 * alone
    _, with_judge, alone = simulated(0.0, SHARES, 40)
    assert with_judge > alone


def test_a_biased_judge_alone_is_wrong_and_the_votes_correct_it() -> None:
    rng = np.random.default_rng(3)
    voted, judged_votes = answers(rng, 400, 0.6, (1.0, 0.0, 0.0))
    _, judged = answers(rng, 2000, 0.6, (1.0, 0.0, 0.0))
    found = calibrated.of(judged, voted, judged_votes)
    assert found is not None
    assert judged.mean() > 0.7
    assert found.rate.low <= TRUTH <= found.rate.high < judged.mean()
    assert not found.is_worthless


def test_the_formula() -> None:
    judged, voted, judged_votes = (np.array(v) for v in ([1.0, 0.0, 1.0, 1.0], [1.0, 0.5] * 6, [0.5, 0.5] * 6))
    found = calibrated.of(judged, voted, judged_votes)
    assert found is not None
    assert found.rate.value == pytest.approx(min(1.0, 0.75 + 0.25))
    assert found.votes.value == 0.75
    assert found.agreement.value == 0.5
    off = voted - judged_votes
    variance = (((judged - 0.75) ** 2).sum() + 0.5) / 5 / 4 + (((off - 0.25) ** 2).sum() + 0.5) / 13 / 12
    assert found.rate.low == pytest.approx(1.0 - 1.96 * variance**0.5, abs=1e-3)
    assert found.rate.high == 1.0


def test_a_correction_beyond_the_scale_leaves_an_interval() -> None:
    found = calibrated.of(np.ones(100), np.array([1.0] * 27 + [0.0] * 3), np.array([0.5] * 27 + [0.0] * 3))
    assert found is not None
    assert found.rate.value == found.rate.high == 1.0
    assert found.rate.low < 0.98


def test_a_judge_that_says_the_same_of_every_vote_gains_nothing_from_the_end_of_the_scale() -> None:
    judged, voted = np.array([0.5] * 9 + [1.0, 1.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0] * 3)
    found = calibrated.of(judged, voted, np.ones(12))
    assert found is not None
    assert found.rate.value == 0.0, "cut there, its interval is half as wide"
    assert found.rate.high - found.rate.low < found.votes.high - found.votes.low
    assert found.is_worthless


def test_few_votes_or_no_prompts_calibrate_nothing() -> None:
    many, few = np.ones(20), np.ones(9)
    assert calibrated.of(many, few, few) is None
    assert calibrated.of(np.ones(0), many, many) is None
    assert calibrated.of(many, many, many, None, np.arange(20) % 9) is None, "twenty votes on nine prompts"
    assert calibrated.of(many, many, many, None, np.arange(20) % 10) is not None


def test_votes_on_one_prompt_tell_less_than_votes_on_different_ones() -> None:
    rng = np.random.default_rng(1)
    prompts = np.repeat(np.arange(12), 4)
    voted, judged_votes = np.repeat(rng.choice(OUTCOMES, 12), 4), np.full(48, 0.5)
    judged = rng.choice(OUTCOMES, 100)
    alone, together = (calibrated.of(judged, voted, judged_votes, None, groups) for groups in (None, prompts))
    assert alone is not None
    assert together is not None
    assert together.rate.high - together.rate.low > 1.5 * (alone.rate.high - alone.rate.low)


def test_a_judge_that_always_agrees_has_no_interval_of_width_zero() -> None:
    voted = np.array([1.0] * 12)
    found = calibrated.of(np.ones(50), voted, voted)
    assert found is not None
    assert found.rate.value == 1.0
    assert found.rate.low < 0.95
