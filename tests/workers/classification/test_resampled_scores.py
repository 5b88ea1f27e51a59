"""Macro-F1 and calibration error with their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from workers.classification.resampled_scores import calibration_error, macro_f1


def test_macro_f1_is_the_mean_over_labels() -> None:
    expected = np.array([0] * 30 + [1] * 10)
    always = np.zeros(40, np.intp)
    found = macro_f1(expected, always, expected, 2, np.arange(40))
    assert found.base.value == pytest.approx((2 * 30 / 70 + 0) / 2)
    assert found.adapted.value == 1.0
    assert found.base.low < found.base.value < found.base.high
    assert found.adapted.low < 1.0, "a few rows prove no perfect score"
    assert found.difference.low > 0


def test_labels_without_rows_do_not_count() -> None:
    expected = np.array([0, 1] * 20)
    given = np.where(np.arange(40) < 4, 2, expected)
    found = macro_f1(expected, given, expected, 4, np.arange(40))
    assert found.base.value == pytest.approx(2 * 18 / (20 + 18))


def test_rows_of_one_group_are_drawn_together() -> None:
    generator = np.random.default_rng(0)
    expected = generator.integers(0, 3, 60)
    given = np.where(np.arange(60) % 20 < 8, (expected + 1) % 3, expected)
    apart = macro_f1(expected, given, expected, 3, np.arange(60)).base
    together = macro_f1(expected, given, expected, 3, np.arange(60) // 4).base
    assert together.value == apart.value
    assert together.high - together.low > apart.high - apart.low


def test_calibration_error_is_the_distance_in_each_bin() -> None:
    confidence = np.array([0.95] * 20 + [0.55] * 20)
    right = np.array([1.0] * 10 + [0.0] * 10 + [1.0] * 11 + [0.0] * 9)
    honest = (np.full(40, 0.5), np.array([1.0, 0.0] * 20))
    found = calibration_error((confidence, right), honest, np.arange(40))
    assert found.base.value == pytest.approx((0.45 + 0.0) / 2)
    assert found.adapted.value == pytest.approx(0.0)
    assert found.base.low < found.base.value < found.base.high
    assert found.difference.high < 0
