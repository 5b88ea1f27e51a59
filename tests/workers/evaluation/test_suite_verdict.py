"""What a model lost or gained in general, in numbers and in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from storage.gallery.suites import PHRASINGS
from storage.runs.bootstrap import strata_mean
from tests.small_suite import small_suite
from workers.evaluation import suite_verdict
from workers.evaluation.suite import SuiteScores

N = 200


def scores(n: int = N, **right: int | tuple[int, int]) -> SuiteScores:
    """So many items of each score right, in each phrasing or (known, held out)."""
    suite = small_suite(n)
    names = [name for ability in suite.abilities.values() for name in ability.parts]
    wanted: dict[str, Any] = {name: right.get(name, n // 2) for name in names}
    of = {name: value if isinstance(value, tuple) else (value, value) for name, value in wanted.items()}
    arrays = {
        name: {p: np.arange(n) < n_right for p, n_right in zip(PHRASINGS, found, strict=True)}
        for name, found in of.items()
    }
    return SuiteScores(suite, arrays, 1, 2, 3)


def test_one_model_alone() -> None:
    found = suite_verdict.summary(scores(colours=(200, 100)))
    assert found["abilities"]["colours"]["known"]["value"] == 1.0
    assert 0.97 < found["abilities"]["colours"]["known"]["low"] < 1.0
    assert found["abilities"]["colours"]["held_out"]["n"] == N
    # passages has two scores and still counts once: (1 + 1/2 + 1/2) / 3
    assert found["mean"]["known"]["value"] == pytest.approx(2 / 3)
    assert found["mean"]["held_out"]["value"] == pytest.approx(0.5)
    assert found["mean"]["known"]["low"] < 2 / 3 < found["mean"]["known"]["high"]
    assert (found["n_too_long"], found["n_refused"], found["n_cut_off"]) == (1, 2, 3)


def test_a_phrasing_without_items_has_no_score() -> None:
    found = scores()
    right = {name: {**one, "held_out": one["held_out"][:0]} for name, one in found.right.items()}
    summary = suite_verdict.summary(SuiteScores(found.suite, right, 0, 0, 0))
    assert list(summary["abilities"]["tools"]) == ["known"]
    assert list(summary["mean"]) == ["known"]


def test_a_loss_is_said_with_its_worst_ability() -> None:
    verdict = suite_verdict.judge(scores(tools=180, colours=100), scores(tools=60, colours=90))
    assert verdict.abilities["tools"].difference.value == pytest.approx(-0.6)
    assert verdict.mean.difference.value == pytest.approx(-0.65 / 3)
    assert verdict.sentence.startswith("Lost 22 points [")
    assert verdict.sentence.endswith("] of its general abilities, most in tools (−60).")


def test_another_model_is_above_or_below() -> None:
    weak, strong = scores(tools=60), scores(tools=180)
    assert "points [" in (said := suite_verdict.judge(weak, strong, "nano").sentence)
    assert "] above nano in general abilities, most in tools (+60)." in said
    assert (
        "] below small in general abilities, most in tools (−60)."
        in suite_verdict.judge(strong, weak, "small").sentence
    )
    assert suite_verdict.judge(weak, strong).sentence.startswith("Gained 20 points [")


def test_nothing_changed_is_not_beyond_doubt() -> None:
    verdict = suite_verdict.judge(scores(), scores())
    assert verdict.mean.difference.low < 0 < verdict.mean.difference.high
    assert verdict.sentence.startswith("Kept its general abilities: 50 % against 50 % (0.0 [−0.")
    assert suite_verdict.judge(scores(), scores(), "nano").sentence.startswith("As good as nano in general abilities")


def test_too_few_items_can_not_tell() -> None:
    verdict = suite_verdict.judge(scores(4, tools=2), scores(4, tools=3))
    assert verdict.sentence.startswith("Can't tell whether its general abilities changed: 58 % against 50 % (+8 [−")


def test_a_kept_mean_does_not_hide_a_lost_ability() -> None:
    verdict = suite_verdict.judge(scores(tools=180, colours=60), scores(tools=120, colours=120))
    assert verdict.sentence.startswith("Kept its general abilities: 57 % against 57 % (0 [−")
    assert verdict.sentence.endswith("] points), but less in tools (−30).")


def test_different_items_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different items"):
        suite_verdict.judge(scores(), scores(100))


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    strata = [(np.arange(200) < n).astype(float) for n in (100, 160, 20)]
    found = strata_mean(strata)
    variance = sum(s.mean() * (1 - s.mean()) / 200 for s in strata) / 9
    assert found.value == pytest.approx(280 / 600)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * variance**0.5, rel=0.05)
    assert strata_mean([np.ones(20), np.ones(20)]).low < 0.95
    assert strata_mean([np.zeros(20)]).high > 0.1
