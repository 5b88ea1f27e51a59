"""Which strength is recommended, by a rule that looks at intervals."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from storage.runs.bootstrap import Interval
from workers.evaluation import strength_curve
from workers.evaluation.strength_curve import GeneralCurve, GeneralPoint, TaskCurve, TaskPoint

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def around(value: float, half: float) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def task(values: Sequence[float], half: float = 0.05, metric: str = "label_accuracy") -> TaskCurve:
    points = tuple(
        TaskPoint(
            strength=strength,
            metrics={metric: around(value, half)},
            against_full={metric: around(value - values[-1], half)},
            against_base={metric: around(value - values[0], half)},
        )
        for strength, value in zip(STRENGTHS, values, strict=True)
    )
    return TaskCurve(name="tickets", headline=metric, n_rows=90, n_answered=90, points=points)


def general(values: Sequence[float], half: float = 0.05) -> GeneralCurve:
    points = tuple(
        GeneralPoint(
            strength=strength,
            mean=around(value, half),
            against_full=around(value - values[-1], half),
            against_base=around(value - values[0], half),
        )
        for strength, value in zip(STRENGTHS, values, strict=True)
    )
    return GeneralCurve(suite="general", sha256="s", n=36, points=points)


FORGETS = general([0.9, 0.88, 0.8, 0.5, 0.2])


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ([0.1, 0.3, 0.6, 0.83, 0.85], 0.75),  # half strength is significantly worse
        ([0.1, 0.3, 0.83, 0.84, 0.85], 0.5),
        ([0.1, 0.2, 0.3, 0.6, 0.85], 1.0),
        ([0.1, 0.86, 0.87, 0.86, 0.85], 0.25),
    ],
)
def test_the_best_general_abilities_win_among_those_that_keep_the_task(values: list[float], chosen: float) -> None:
    assert strength_curve.recommended([task(values)], FORGETS) == chosen


def test_the_base_itself_is_never_recommended() -> None:
    assert strength_curve.recommended([task([0.84, 0.84, 0.84, 0.84, 0.91])], FORGETS) == 1.0


def test_few_rows_cannot_hide_a_lost_gain() -> None:
    wide = task([0.1, 0.3, 0.5, 0.6, 0.85], half=0.4)  # nothing is significantly below full strength
    assert strength_curve.recommended([wide], FORGETS) == 1.0


def test_without_a_significant_change_in_general_abilities_full_strength_stays() -> None:
    assert (
        strength_curve.recommended([task([0.1, 0.3, 0.84, 0.84, 0.85])], general([0.9, 0.9, 0.89, 0.88, 0.87])) == 1.0
    )


def test_a_loss_is_better_when_lower() -> None:
    assert strength_curve.recommended([task([3.0, 2.0, 1.02, 1.01, 1.0], metric="loss")], FORGETS) == 0.5
    assert strength_curve.recommended([task([3.0, 2.0, 1.5, 1.4, 1.0], metric="loss")], FORGETS) == 1.0


def test_every_dataset_has_to_keep_its_gain() -> None:
    one, other = task([0.1, 0.3, 0.84, 0.85, 0.85]), task([0.1, 0.3, 0.5, 0.84, 0.85])
    assert strength_curve.recommended([one, other], FORGETS) == 0.75


def test_without_a_gain_there_is_no_recommendation_and_it_is_said_why() -> None:
    flat = [task([0.5, 0.5, 0.5, 0.5, 0.52])]
    assert strength_curve.recommended(flat, FORGETS) is None
    assert "on “tickets”, full strength is not significantly better than the base" in strength_curve.sentence(
        flat, FORGETS, None
    )


def test_the_sentence_says_what_it_brings_and_costs() -> None:
    said = strength_curve.sentence([task([0.1, 0.3, 0.6, 0.83, 0.85])], FORGETS, 0.75)
    assert said == (
        "Use strength 0.75: general abilities 50 % instead of 20 % (+30 [+25, +35] points). "
        "Label accuracy on “tickets”: 83 % instead of 85 % (−2 [−7, +3] points)."
    )


def test_where_only_full_strength_will_do_it_is_said_how_to_keep_more() -> None:
    said = strength_curve.sentence([task([0.1, 0.2, 0.3, 0.6, 0.85])], FORGETS, 1.0)
    assert said.endswith(
        "General abilities: 20 %; the base has 90 %. To keep more, train again and replay what it knew."
    )
    assert "replay" not in strength_curve.sentence([task([0.1, 0.2, 0.3, 0.6, 0.85])], general([0.9] * 5), 1.0)
