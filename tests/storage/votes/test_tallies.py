"""Tallies against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from app.pages import vote_views
from storage.models import User
from storage.votes import contenders, ranking, tallies
from tests.storage.votes.voting import GONE, NANO, SMALL, counted, third, voted


def test_a_clear_preference_is_decided() -> None:
    sides = [(NANO, SMALL, "right"), (SMALL, NANO, "left")]
    found = [counted(f"prompt {i}", sides[i % 2][2], *sides[i % 2][:2]) for i in range(14)]
    tally = tallies.count([*found, counted("even", "tie"), counted("poor", "both_bad")])
    (pair,) = tally.pairs
    assert (pair.a.name, pair.wins_a, pair.wins_b, pair.ties, pair.both_bad) == (SMALL, 14, 0, 1, 1)
    assert pair.share.value == 15 / 16
    assert (pair.n_more, pair.preferred, pair.n_prompts) == (0, pair.a, 16)
    assert pair.share.low > 0.5
    assert (tally.side.left, tally.side.right, tally.side.is_biased) == (7, 7, False)
    assert tally.ranked == []


def test_what_is_open_says_how_many_more_votes_it_takes() -> None:
    (pair,) = tallies.count([counted(f"prompt {i}", "left" if i < 13 else "right") for i in range(20)]).pairs
    # 65 %: Wilson excludes a half once n > 1.96² / 0.3² = 42.7
    assert (pair.share.value, pair.n_more, pair.preferred) == (0.65, 43 - 20, None)
    assert pair.share.low < 0.5
    (more,) = tallies.count([counted(f"prompt {i}", "left" if i < 28 else "right") for i in range(43)]).pairs
    assert (more.preferred, more.share.low > 0.5) == (more.a, True)


def test_equal_models_are_never_decided() -> None:
    assert tallies.count([counted("a", "left"), counted("b", "right")]).pairs[0].n_more is None


def test_few_prompts_decide_nothing() -> None:
    few = [counted(f"prompt {i}", "left") for i in range(9)]
    (pair,) = tallies.count(few).pairs
    assert (pair.n_more, pair.preferred) == (1, None)
    (again,) = tallies.count([*few, *[counted("prompt 0", "left")] * 9]).pairs
    assert (again.n_prompts, again.preferred) == (9, None), "the same prompt again is no other prompt"
    assert again.share.low < pair.share.low


def test_votes_that_follow_a_side_are_noticed() -> None:
    sides = [(NANO, SMALL), (SMALL, NANO)]
    tally = tallies.count([counted(f"prompt {i}", "left", *sides[i % 2]) for i in range(12)])
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


def test_three_models_stand_on_one_scale() -> None:
    found = []
    for i in range(12):
        found.append(counted(f"a{i}", "left" if i < 9 else "right", NANO, SMALL))
        found.append(counted(f"b{i}", "left" if i < 9 else "tie", SMALL, GONE))
    ranked = tallies.count(found).ranked
    assert [one.model.name for one in ranked] == [NANO, SMALL, GONE]
    assert sum(one.theta for one in ranked) == pytest.approx(0, abs=1e-6)
    for one in ranked:
        assert 0 < one.share.low < one.share.value < one.share.high < 1
    assert ranked[0].share.low > ranked[2].share.high
    assert tallies.count(found).ranked == ranked, "the same votes give the same intervals"


def test_models_that_no_votes_connect_are_not_ranked() -> None:
    apart = [counted(f"{i}", "left", *pair) for i in range(4) for pair in ((NANO, SMALL), (GONE, "other"))]
    assert tallies.count(apart).ranked == []
    assert vote_views.tally(tallies.count(apart)).count("can&#39;t be put on one scale") == 1
    assert len(tallies.count([*apart, counted("bridge", "tie", SMALL, GONE)]).ranked) == 4


def test_voters_who_disagree_widen_the_intervals() -> None:
    agreed, torn = [], []
    for i in range(20):
        for owner in ("ann", "bob"):
            agreed.append(counted(f"a{i}", "left" if i % 2 else "right", NANO, SMALL, owner))
            torn.append(counted(f"a{i}", "left" if owner == "ann" else "right", NANO, SMALL, owner))
    third_one = [counted(f"c{i}", "left", SMALL, GONE, "ann") for i in range(4)]
    widths = []
    for found in (agreed, torn):
        best = next(one for one in tallies.count([*found, *third_one]).ranked if one.model.name == NANO)
        widths.append(best.share.high - best.share.low)
    assert widths[1] > 1.3 * widths[0]


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


def test_votes_that_all_agree_still_have_an_interval() -> None:
    found = [counted(f"{i}", "left", *pair) for i in range(4) for pair in ((NANO, SMALL), (SMALL, GONE))]
    best = tallies.count(found).ranked[0]
    assert best.share.high - best.share.low > 0.02
