"""An objective's own measures: paired on the same rows, with the direction that it declares."""

from __future__ import annotations

import numpy as np
import pytest

from templates.metrics import Metric
from workers.evaluation import measures

ACCURACY, KL = Metric("accuracy", "Accuracy", "%"), Metric("kl", "Distance", "nats", higher_is_better=False)
ROWS = np.tile([0.0, 1.0], 50)


@pytest.mark.parametrize(("metric", "better"), [(ACCURACY, True), (KL, False)])
def test_higher_is_better_or_worse_as_declared(metric: Metric, better: bool) -> None:
    found = measures.compare([metric], {metric.key: ROWS}, {metric.key: ROWS + 1})[metric.key]
    assert (found.base, found.adapted, found.n, found.better) == (0.5, 1.5, 100, better)
    assert (found.title, found.unit) == (metric.title, metric.unit)
    assert found.interval.value == 1.0
    back = measures.compare([metric], {metric.key: ROWS + 1}, {metric.key: ROWS})[metric.key]
    assert back.better is not better


def test_a_difference_within_its_interval_tells_nothing() -> None:
    shuffled = np.random.default_rng(3).permutation(ROWS)
    found = measures.compare([ACCURACY], {"accuracy": ROWS}, {"accuracy": shuffled})["accuracy"]
    assert found.interval.low < 0 < found.interval.high
    assert found.better is None


def test_only_rows_that_both_have_a_value_for_are_compared() -> None:
    base, adapted = np.array([1.0, np.nan, 3.0]), np.array([2.0, 5.0, np.nan])
    found = measures.compare([KL], {"kl": base}, {"kl": adapted})["kl"]
    assert (found.base, found.adapted, found.n) == (1.0, 2.0, 1)
    assert measures.compare([KL], {"kl": base[1:2]}, {"kl": adapted[1:2]}) == {}
    assert measures.compare([KL], {"kl": base}, {}) == {}
    assert measures.compare([ACCURACY], {"kl": base}, {"kl": adapted}) == {}, "only what is declared"


def test_nearly_equal_rows_are_resampled_together() -> None:
    changed = np.repeat(np.random.default_rng(1).normal(0.2, 1, 25), 4)
    base = np.zeros(100)
    alone = measures.compare([KL], {"kl": base}, {"kl": changed})["kl"].interval
    changed[0] = np.nan
    grouped = measures.compare([KL], {"kl": base}, {"kl": changed}, np.repeat(np.arange(25), 4))["kl"].interval
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)
