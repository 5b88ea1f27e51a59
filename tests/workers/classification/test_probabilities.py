"""Softmax, temperature and threshold."""

from __future__ import annotations

import numpy as np
import pytest

from workers.classification.probabilities import UNSEEN, fitted_temperature, log_losses, of_scores, threshold


def test_probabilities_add_up_to_one_and_flatten_with_the_temperature() -> None:
    scores = np.array([[-1.0, -3.0, -700.0], [-900.0, -901.0, -902.0]])
    assert of_scores(scores).sum(axis=1) == pytest.approx([1.0, 1.0])
    assert of_scores(scores, 4.0).max() < of_scores(scores).max()
    assert log_losses(scores, np.array([0, UNSEEN]))[0] == pytest.approx(-np.log(of_scores(scores)[0, 0]))
    assert np.isnan(log_losses(scores, np.array([0, UNSEEN]))[1])


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_of_drawn_labels_is_found_again(true: float) -> None:
    generator = np.random.default_rng(1)
    scores = generator.normal(size=(4000, 5)) * 3
    shares = of_scores(scores, true)
    expected = np.array([generator.choice(5, p=row) for row in shares], np.intp)
    assert fitted_temperature(scores, expected) == pytest.approx(true, rel=0.1)


def test_right_rows_alone_do_not_make_it_infinitely_sure() -> None:
    scores = np.tile([0.0, -4.0, -6.0], (20, 1))
    temperature = fitted_temperature(scores, np.zeros(20, np.intp))
    assert temperature is not None
    assert of_scores(scores, temperature)[0, 0] == pytest.approx(20 / 21, abs=0.02)


def test_no_known_label_no_temperature() -> None:
    assert fitted_temperature(np.zeros((3, 2)), np.full(3, UNSEEN)) is None


def test_the_threshold_leaves_the_wanted_share_right() -> None:
    confidence = np.linspace(0.99, 0.2, 80)
    right = np.array([place < 40 or place % 2 == 0 for place in range(80)], np.float64)
    least = threshold(confidence, right, 0.9)
    assert least is not None
    answered = confidence >= least
    assert right[answered].mean() >= 0.9
    further = np.sort(confidence[~answered])[-2:]
    assert all(right[confidence >= lower].mean() < 0.9 for lower in further[:1])


def test_all_answers_may_be_sure_enough_or_none() -> None:
    sure = np.linspace(0.5, 0.9, 20)
    assert threshold(sure, np.ones(20), 0.95) == 0.0
    assert threshold(sure, np.zeros(20), 0.95) is None
    assert threshold(sure[:5], np.ones(5), 0.95) is None, "five answers are too few to rest on"


def test_answers_of_equal_confidence_are_not_torn_apart() -> None:
    confidence = np.array([0.9] * 12 + [0.5] * 12)
    right = np.array([1.0] * 12 + [1.0] * 6 + [0.0] * 6)
    assert threshold(confidence, right, 0.95) == pytest.approx(0.7)
