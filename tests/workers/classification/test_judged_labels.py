"""A verdict on labels, from drawn scores whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workers.classification import judged_labels
from workers.classification.judged_labels import Scored, Sides
from workers.classification.label_verdict import LabelVerdict

NAMES = ["a", "b", "c"]
COUNTS = {"a": 50, "b": 30, "c": 20}


def drawn(n: int, seed: int, *, sharpness: float, overconfident: float = 1.0) -> Scored:
    """Rows whose labels follow the scores' own probabilities, then made surer than they should be."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(n, 3)) * sharpness
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = tuple(NAMES[generator.choice(3, p=row)] for row in shares)
    return Scored(scores * overconfident, expected)


def sides(**asked: Any) -> Sides:
    return Sides(drawn(400, 1, **asked), drawn(300, 2, **asked))


def judged(base: Sides, adapted: Sides, **asked: Any) -> LabelVerdict:
    groups = np.arange(len(adapted.held_out.expected))
    return judged_labels.judge(base, adapted, NAMES, COUNTS, groups, **{"wanted": 0.9, **asked})


@pytest.fixture(scope="module")
def verdict() -> LabelVerdict:
    """Of a model that is right often but three times as sure as it should be."""
    return judged(sides(sharpness=3.0), sides(sharpness=3.0, overconfident=3.0))


def test_the_fitted_temperature_mends_the_probabilities(verdict: LabelVerdict) -> None:
    found = verdict.calibration
    assert found is not None
    assert found.temperature == pytest.approx(3.0, rel=0.3)
    assert found.error_fitted.adapted.value < found.error.adapted.value / 2
    assert found.log_loss_fitted.adapted.value < found.log_loss.adapted.value - 0.1
    assert sum(one.n for one in found.bins) == sum(one.n for one in found.bins_fitted) == 300


def test_the_threshold_keeps_its_promise_on_other_rows(verdict: LabelVerdict) -> None:
    sure = verdict.sure
    assert sure.threshold is not None
    assert sure.share is not None
    assert sure.right is not None
    assert 0.3 < sure.share.value < 1.0
    assert sure.right.low < 0.9 < sure.right.high
    assert "“don't know” below" in verdict.sentence
    assert not verdict.remarks


def test_confusions_and_labels_add_up(verdict: LabelVerdict) -> None:
    assert sum(one.n for one in verdict.confusions) == verdict.n == 300
    right = sum(one.n for one in verdict.confusions if one.expected == one.given)
    assert sum(one.n_right for one in verdict.labels) == right
    for one in verdict.labels:
        assert one.recall is not None
        assert one.recall.value == pytest.approx(one.n_right / one.n)
        assert one.precision is not None
        assert one.precision.value == pytest.approx(one.n_right / one.n_given)
        assert one.n_training == COUNTS[one.label]


def test_labels_that_training_never_saw_are_wrong_and_said() -> None:
    good = drawn(300, 2, sharpness=3.0)
    held_out = Scored(good.logprobs, ("new", *good.expected[1:]))
    both = Sides(drawn(400, 1, sharpness=3.0), held_out)
    found = judged(both, both)
    assert found.unseen == {"new": 1}
    assert found.labels[-1].label == "new"
    assert found.labels[-1].n_right == 0
    assert found.labels[-1].precision is None
    assert "“new”" in found.remarks[0]
    assert "1 held-out row" in found.remarks[0]


def test_without_rows_to_choose_on_nothing_is_made_up() -> None:
    empty = Sides(Scored(np.zeros((0, 3)), ()), drawn(60, 2, sharpness=3.0))
    found = judged(empty, empty)
    assert found.calibration is None
    assert found.sure.threshold is None
    assert "too few to choose a threshold" in found.sentence


def test_an_accuracy_out_of_reach_gives_no_threshold() -> None:
    vague = sides(sharpness=0.1)
    found = judged(vague, vague, wanted=0.99)
    assert found.sure.threshold is None
    assert "No threshold" in found.sentence
