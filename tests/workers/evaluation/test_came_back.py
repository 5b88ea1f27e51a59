"""What a repair brought back and what it cost, in words that the intervals bear out."""

from __future__ import annotations

from typing import Any

import pytest

from storage.runs.bootstrap import Interval, Pair
from workers.evaluation import came_back
from workers.evaluation.forgetting import AgainstRoot, Forgotten
from workers.evaluation.verdict_document import OnDataset, Verdict


def pair(before: float, after: float, spread: float = 0.05) -> Pair:
    def around(value: float) -> Interval:
        return Interval(value=value, low=value - spread, high=value + spread)

    return Pair(base=around(before), adapted=around(after), difference=around(after - before))


def verdict(before: float, after: float, **further: Any) -> Verdict:
    return Verdict(
        verdict="cant_tell", sentence="Can't tell.", headline="label_accuracy", n_rows=9, n_answered=9, n_tokens=9,
        changes={}, metrics={"label_accuracy": pair(before, after)}, **further,
    )  # fmt: skip


def forgotten(root: float, parent: float, result: float) -> Forgotten:
    beside = AgainstRoot(name="nano", lost=pair(root, parent), left=pair(root, result))
    return Forgotten(
        abilities={}, mean=pair(parent, result), sentence="", suite="general", sha256="", n=9, root=beside
    )  # fmt: skip


@pytest.mark.parametrize(
    ("root", "parent", "result", "said"),
    [
        (0.9, 0.3, 0.7, "Came back: 40 points [35, 45] (30 % → 70 % of general abilities; nano: 90 %). "
         "Still missing against nano: 20 points [15, 25]."),
        (0.9, 0.3, 0.88, "Nothing significant is missing against nano any more (−2 points [−7, +3])."),
        (0.9, 0.3, 0.32, "Nothing significant came back: +2 points [−3, +7]"),
        (0.9, 0.6, 0.3, "Nothing came back; 30 points [25, 35] more were lost"),
        (0.9, 0.9, 0.9, "“first” had lost nothing significant against nano."),
    ],
)  # fmt: skip
def test_general_abilities(root: float, parent: float, result: float, said: str) -> None:
    assert said in came_back.sentence(verdict(0.8, 0.8), forgotten(root, parent, result), "first")


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (0.8, "It cost the task nothing significant: label accuracy 80 % → 80 %, +0 points [−5, +5]"),
        (0.6, "It cost the task: label accuracy 80 % → 60 %, −20 points [−25, −15] against “first”."),
        (0.95, "It cost the task nothing: label accuracy 80 % → 95 %"),
    ],
)
def test_the_task(after: float, said: str) -> None:
    assert said in came_back.sentence(verdict(0.8, after), None, "first")


def test_each_dataset_has_its_own_cost() -> None:
    parts = tuple(OnDataset(name=name, verdict=verdict(0.8, after)) for name, after in (("a", 0.8), ("b", 0.6)))
    told = came_back.sentence(verdict(0.8, 0.8, by_dataset=parts), None, "first")
    assert told.startswith("General abilities were not measured. “a”: It cost the task nothing significant")
    assert "“b”: It cost the task" in told
