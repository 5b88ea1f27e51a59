"""Only a choice that survives the exchange of the answers counts."""

from __future__ import annotations

import itertools

import pytest

from storage.judging import both_orders
from storage.judging.both_orders import Judged


@pytest.mark.parametrize(
    ("first_shown_first", "second_shown_first", "outcome", "score"),
    [
        ("second", "first", "won", 1.0),
        ("first", "second", "lost", 0.0),
        ("tie", "tie", "tied", 0.5),
        ("first", "first", "unstable", 0.5),
        ("second", "second", "unstable", 0.5),
        ("tie", "first", "unstable", 0.5),
        ("second", "tie", "unstable", 0.5),
        (None, "first", "unread", 0.5),
        ("tie", None, "unread", 0.5),
    ],
)
def test_the_outcome_of_two_orders(first_shown_first: str, second_shown_first: str, outcome: str, score: float) -> None:
    one = Judged(first_shown_first, second_shown_first)  # type: ignore[arg-type]
    assert (one.outcome, one.score) == (outcome, score)


def test_a_judge_that_favours_a_place_wins_nothing_for_anybody() -> None:
    biased = [Judged("first", "first")] * 30
    assert {one.score for one in biased} == {0.5}
    assert both_orders.counts(biased)["unstable"] == 30
    place = both_orders.first_place(biased)
    assert place is not None
    assert place.low > 0.8
    fair = [Judged("first", "second"), Judged("second", "first")] * 15
    place = both_orders.first_place(fair)
    assert place is not None
    assert (place.value, place.low <= 0.5 <= place.high) == (0.5, True)


def test_every_pair_has_one_outcome() -> None:
    choices = ("first", "second", "tie", None)
    every = [Judged(*both) for both in itertools.product(choices, choices)]  # type: ignore[arg-type]
    assert sum(both_orders.counts([*every, Judged(None, None, is_same=True)]).values()) == 17
    assert both_orders.first_place([Judged("tie", "tie"), Judged(None, None)]) is None
