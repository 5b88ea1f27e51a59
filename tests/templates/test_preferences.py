"""What the objectives that learn from judged answers have in common, and the weights of KTO."""

from __future__ import annotations

import pytest

from templates import preferences, registry
from templates.errors import BadInput
from templates.objectives.kto import MOST_TIMES, KtoParams, of_judgements, weights
from templates.recipe import compose

WAYS = ("dpo", "kto", "orpo", "simpo")


def test_the_ways_begin_with_the_advised_one() -> None:
    keys = [way.key for way in registry.ways_to(preferences.GOAL)]
    assert keys[0] == "orpo"
    assert sorted(keys) == list(WAYS)
    assert all(registry.objective(key).learns_judgements for key in keys)


def test_pairs_are_learned_by_preference_unless_told_otherwise() -> None:
    assert registry.goal_of(registry.objectives_for("preference")[0].key) == preferences.GOAL
    assert [way.key for way in registry.objectives_for("unpaired_preference")] == ["kto"]


def test_a_pair_is_two_judgements() -> None:
    row = {"prompt": [], "chosen": "yes", "rejected": "no"}
    assert [(view.row["chosen"], view.wanted) for view in preferences.judged_sides(row)] == [
        ("yes", True),
        ("no", False),
    ]
    alone = preferences.judged_sides({"prompt": [], "completion": "yes", "label": False})
    assert [(view.title, view.wanted) for view in alone] == [("Bad answer", False)]


@pytest.mark.parametrize(("good", "bad"), [(10, 10), (13, 10), (20, 10), (10, 20), (500, 3), (3, 500)])
def test_weights_keep_good_and_bad_answers_near_each_other(good: int, bad: int) -> None:
    of_good, of_bad = weights(KtoParams(), good, bad)
    assert min(of_good, of_bad) == 1
    assert 1 - 1e-9 <= of_good * good / (of_bad * bad) <= MOST_TIMES + 1e-9


def test_a_weight_that_was_set_stays_and_the_other_follows() -> None:
    assert weights(KtoParams(desirable_weight=2.0), 10, 10) == (2.0, 1.5)
    assert weights(KtoParams(undesirable_weight=2.0), 10, 10) == (2.0, 2.0)
    assert weights(KtoParams(desirable_weight=3.0, undesirable_weight=0.5), 10, 900) == (3.0, 0.5)


def test_one_kind_of_judgement_is_refused_in_words() -> None:
    with pytest.raises(BadInput, match=r"All 7 answers to learn are good.*objective sft"):
        of_judgements(KtoParams(), 7, 0)
    with pytest.raises(BadInput, match=r"All 7 answers to learn are bad"):
        of_judgements(KtoParams(), 0, 7)


def test_a_step_of_kto_needs_two_rows() -> None:
    with pytest.raises(BadInput, match="per_device_train_batch_size"):
        compose("kto", "lora", settings={"per_device_train_batch_size": 1})


@pytest.mark.parametrize("objective", ["orpo", "simpo"])
def test_without_a_reference_the_base_itself_may_be_trained(objective: str) -> None:
    assert compose(objective, "full").method == "full"


def test_kto_needs_the_base_behind_the_adapter() -> None:
    with pytest.raises(BadInput, match="untouched base"):
        compose("kto", "full")
