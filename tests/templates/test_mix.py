"""How often the rows of several datasets come up."""

from __future__ import annotations

import math

import pytest

from templates import mix
from templates.mix import Portion


def test_names_with_and_without_weights() -> None:
    assert mix.parse("tickets:0.7") == ("tickets", 0.7)
    assert mix.parse(" tickets ") == ("tickets", None)
    assert math.isnan(mix.parse("tickets:a lot").weight or 0.0)
    found, problems = mix.named(["a:2", "b", "a:3"], "--data")
    assert found == {"a": 2.0, "b": None}
    assert [str(problem) for problem in problems] == ["field “--data”: “a” is named twice. Name each dataset once."]


@pytest.mark.parametrize(
    ("weights", "replay", "said"),
    [
        ({"a": 0.0, "b": 1.0}, {}, "the weight of “a” is not a number above 0"),
        ({"a": math.nan, "b": 1.0}, {}, "the weight of “a” is not a number above 0"),
        ({"a": math.inf, "b": 1.0}, {}, "the weight of “a” is not a number above 0"),
        ({"a": None, "b": 1.0}, {}, "but not “a”"),
        ({"a": None}, {"b": 1.0}, "the share of “b” is not between 0 and 1"),
        ({"a": None}, {"b": 0.5, "c": 0.48}, "take 98 % of what is learned"),
        ({"a": None}, {"a": None}, "can't be both"),
    ],
)
def test_what_is_refused(weights: mix.Weights, replay: mix.Weights, said: str) -> None:
    assert [said in problem.message for problem in mix.problems(weights, replay)] == [True]


def test_without_weights_every_row_comes_up_once() -> None:
    assert mix.per_pass([100, 7], []) == [100, 7]
    assert mix.problems({"a": None, "b": None}, {"c": None}) == []


@pytest.mark.parametrize(
    ("sizes", "weights", "counts"),
    [
        ([100, 100], [0.7, 0.3], [233, 100]),
        ([100, 100], [7, 3], [233, 100]),
        ([1000, 10], [1, 1], [1000, 1000]),
        ([10, 1000], [0.99, 0.01], [99_000, 1000]),
        ([5], [3.0], [5]),
    ],
)
def test_weights_are_shares_and_leave_no_row_out(sizes: list[int], weights: list[float], counts: list[int]) -> None:
    found = mix.per_pass(sizes, weights)
    assert found == counts
    assert all(count >= size for count, size in zip(found, sizes, strict=True))
    for count, weight in zip(found, weights, strict=True):
        assert count / sum(found) == pytest.approx(weight / sum(weights), abs=0.01)


def test_replayed_rows_have_their_share_of_all() -> None:
    assert mix.replayed_per_pass(300, [1000, 20], [0.2, 0.2]) == [100, 100]
    assert mix.replayed_per_pass(300, [0], [0.4]) == [0]
    assert mix.shares_of({"a": None, "b": None, "c": 0.1}) == (0.2, 0.2, 0.1)


def test_sentences_say_what_is_learned_and_what_is_left_out() -> None:
    said = mix.sentences(
        [
            Portion(name="a", n_rows=100, per_pass=250, n_tokens=200),
            Portion(name="b", n_rows=150, per_pass=150, n_tokens=1500, left_out=(7,)),
            Portion(name="own", replayed=True, n_rows=1000, per_pass=100, n_tokens=9000, left_out=(1, 2, 3, 4, 5, 6)),
        ]
    )
    assert said == [
        "“a”: 250 of 500 rows in a pass (50 % of the rows, 17 % of the learned tokens), each of its 100 rows 2.5 times "
        "on average.",
        "“b”: 150 of 500 rows in a pass (30 % of the rows, 52 % of the learned tokens), each row once.",
        "“own” (replayed): 100 of 500 rows in a pass (20 % of the rows, 31 % of the learned tokens), 100 of its 1,000 "
        "rows, other ones in each pass.",
        "1 row of “b” asks (nearly) the same as the verdict, and is not learned (row 7).",
        "6 rows of “own” ask (nearly) the same as the verdict, and are not learned (rows 1, 2, 3, 4, 5 …).",
    ]


@pytest.mark.parametrize(("per_pass", "advised"), [(299, False), (300, True)])
def test_few_rows_replayed_often_are_advised_against(per_pass: int, advised: bool) -> None:
    own = Portion(name="own", replayed=True, n_rows=100, per_pass=per_pass, n_tokens=900)
    said = mix.sentences([Portion(name="a", n_rows=400, per_pass=400, n_tokens=400), own])
    assert said[1].endswith("More different rows would keep more.") is advised
