"""What a verdict takes from the dataset: the deciding metric, the trivial answer, the groups of rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.workers.evaluation.sides import side, texts
from workers.evaluation import held_out

TALES = [f"{'once ' * (i % 4)}upon a time number {i} the fox met crow {i * 7} in wood {i * 13}" for i in range(40)]


@pytest.mark.parametrize(
    ("answers", "headline"),
    [
        (["yes", "no"] * 20, "exact_match"),
        ([f"Ann {i}" for i in range(40)], "exact_match"),
        (TALES, "chrf"),
        (TALES[:4] * 10, "exact_match"),
        ([json.dumps({"name": "find_train", "town": tale}) for tale in TALES], "exact_match"),
    ],
    ids=["few", "short", "many and long", "canned", "JSON"],
)
def test_the_answers_themselves_decide_how_they_are_judged(answers: Sequence[str], headline: str) -> None:
    assert side(answers, "prompt_completion").headline == headline


def test_labels_and_plain_text_have_their_own_measure() -> None:
    assert side(TALES).headline == "label_accuracy"
    plain = texts(20)
    assert (plain.headline, plain.trivial, plain.pair_rule) == ("loss", None, None)


def test_the_trivial_answer_comes_from_the_training_side() -> None:
    found = side(["a"] * 30, training=[" b ", "b", "c"])
    assert found.trivial is not None
    assert (found.trivial.answer, found.trivial.words) == ("b", "always answering “b”")
    assert found.labels == (" b ", "a", "b", "c")
    assert found.n_training == 3


def test_if_no_answer_repeats_the_most_typical_one_is_the_trivial_one() -> None:
    odd = "§§ 99 §§"
    found = side(TALES, "prompt_completion", training=[odd, *TALES]).trivial
    assert found is not None
    assert found.answer != odd
    assert found.answer in TALES
    assert len(found.words) < 70


def pair(row: int, chosen: str, rejected: str) -> dict[str, Any]:
    question = [{"role": "user", "content": f"question {row}"}]
    return {"prompt": question, "chosen": chosen, "rejected": rejected}


def test_the_trivial_preference_is_the_longer_answer_where_training_prefers_it() -> None:
    training = [pair(i, "a long answer", "short") for i in range(5)] + [pair(9, "tiny", "a long answer")]
    rows = [pair(1, "long enough", "no"), pair(2, "no", "long enough"), pair(3, "even", "just")]
    rule = held_out.of("preference", training, rows).pair_rule
    assert rule is not None
    assert rule.words == "always preferring the longer answer"
    assert rule.prefers_right is not None
    assert rule.prefers_right.tolist() == [1.0, 0.0, 0.0]
    assert held_out.of("preference", training[-1:], rows).pair_rule.words.endswith("shorter answer")  # type: ignore[union-attr]


def test_a_dataset_without_answers_has_no_trivial_one() -> None:
    row = {"prompt": [{"role": "user", "content": "question"}]}
    found = held_out.of("prompt_only", [row], [row])
    assert (found.trivial, found.headline) == (None, "loss")
