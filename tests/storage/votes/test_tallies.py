"""Tallies against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from storage.models import User
from storage.votes import contenders, ranking, tallies
from tests.storage.votes.voting import NANO, SMALL, third, voted


def test_a_clear_preference_is_decided(studio: User) -> None:
    for i in range(14):
        sides = (NANO, SMALL) if i % 2 else (SMALL, NANO)
        voted(studio, f"prompt {i}", "right" if i % 2 else "left", models=sides)
    voted(studio, "even", "tie")
    voted(studio, "poor", "both_bad")
    tally = tallies.of(studio)
    (pair,) = tally.pairs
    assert (pair.a.name, pair.wins_a, pair.wins_b, pair.ties, pair.both_bad) == (SMALL, 14, 0, 1, 1)
    assert pair.share.value == 15 / 16
    assert (pair.n_more, pair.preferred, pair.n_prompts) == (0, pair.a, 16)
    assert pair.share.low > 0.5
    assert (tally.side.left, tally.side.right, tally.side.is_biased) == (7, 7, False)
    assert tally.ranked == []


def test_what_is_open_says_how_many_more_votes_it_takes(studio: User) -> None:
    for i in range(20):
        voted(studio, f"prompt {i}", "left" if i < 13 else "right")
    (pair,) = tallies.of(studio).pairs
    # 65 %: Wilson excludes a half once n > 1.96² / 0.3² = 42.7
    assert (pair.share.value, pair.n_more, pair.preferred) == (0.65, 43 - 20, None)
    assert pair.share.low < 0.5


def test_equal_models_are_never_decided(studio: User) -> None:
    voted(studio, "a", "left")
    voted(studio, "b", "right")
    assert tallies.of(studio).pairs[0].n_more is None


def test_few_prompts_decide_nothing(studio: User) -> None:
    for i in range(9):
        voted(studio, f"prompt {i}", "left")
    (pair,) = tallies.of(studio).pairs
    assert (pair.n_more, pair.preferred) == (1, None)
    for _ in range(9):
        voted(studio, "prompt 0", "left")
    (again,) = tallies.of(studio).pairs
    assert (again.n_prompts, again.n_more) == (9, 1), "the same prompt again is no other prompt"
    assert again.share.low < pair.share.low + 0.1


def test_votes_that_follow_a_side_are_noticed(studio: User) -> None:
    for i in range(12):
        voted(studio, f"prompt {i}", "left", models=(NANO, SMALL) if i % 2 else (SMALL, NANO))
    tally = tallies.of(studio)
    assert tally.side.is_biased
    assert tally.pairs[0].n_more is None


def test_models_and_sources_can_be_chosen(studio: User) -> None:
    known = {"gone": third(contenders.of(studio, NANO))}
    voted(studio, "one", "left")
    voted(studio, "two", "left", models=(NANO, "gone"), known=known)
    assert tallies.of(studio).n == 2
    assert tallies.of(studio, models=[NANO, SMALL]).n == 1
    assert tallies.of(studio, source="held_out").n == 0
    assert tallies.of(studio).by_source == {"typed": 2}
    assert tallies.of(studio, source="held_out").pairs == []


def test_three_models_stand_on_one_scale(studio: User) -> None:
    known = {"gone": third(contenders.of(studio, NANO))}
    for i in range(12):
        voted(studio, f"a{i}", "left" if i < 9 else "right", models=(NANO, SMALL))
        voted(studio, f"b{i}", "left" if i < 9 else "tie", models=(SMALL, "gone"), known=known)
    ranked = tallies.of(studio).ranked
    assert [one.model.name for one in ranked] == [NANO, SMALL, "gone"]
    assert sum(one.theta for one in ranked) == pytest.approx(0, abs=1e-6)
    for one in ranked:
        assert 0 < one.share.low < one.share.value < one.share.high < 1
    assert ranked[0].share.low > ranked[2].share.high
    assert tallies.of(studio).ranked == ranked, "the same votes give the same intervals"


def test_the_fit_is_the_maximum() -> None:
    wins = np.array([[[0, 7, 2.5], [3, 0, 6], [0.5, 1, 0]]])

    def loss(theta: np.ndarray) -> float:
        difference = theta[:, None] - theta[None, :]
        return float((wins[0] * np.log1p(np.exp(-difference))).sum() + ranking.RIDGE * (theta**2).sum() / 2)

    found = ranking.fit(wins)[0]
    for way in np.vstack([np.eye(3), -np.eye(3)]):
        assert loss(found) < loss(found + 1e-3 * way)
        slope = (loss(found + 1e-5 * way) - loss(found - 1e-5 * way)) / 2e-5
        assert slope == pytest.approx(0, abs=1e-5)
    two = ranking.fit(np.array([[[0.0, 300], [100, 0]]]))[0]
    assert two[0] - two[1] == pytest.approx(np.log(3), abs=0.01), "as good as without the prior"
    lopsided = ranking.fit(np.array([[[0.0, 400], [0, 0]]]))
    assert np.isfinite(lopsided).all()


def test_votes_that_all_agree_still_have_an_interval(studio: User) -> None:
    known = {"gone": third(contenders.of(studio, NANO))}
    for i in range(4):
        voted(studio, f"a{i}", "left", models=(NANO, SMALL))
        voted(studio, f"b{i}", "left", models=(SMALL, "gone"), known=known)
    best = tallies.of(studio).ranked[0]
    assert best.share.high - best.share.low > 0.02
