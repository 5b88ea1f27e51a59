"""What objectives that learn from judged answers have in common: the sequences of a row, metrics, learning rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from templates.metrics import Metric
from templates.spec import BaseFacts, View

GOAL = "prefer_answers"
"""Key of the goal that they are ways to."""
METRICS = (
    Metric("rewards/accuracies", "Pairs ranked as wanted", "%"),
    Metric("rewards/margins", "Distance of chosen and rejected answers"),
)
HEADLINE = "preference_accuracy"


def both_sides(row: Mapping[str, Any]) -> tuple[View, View]:
    """A pair's chosen and rejected answers, each after the prompt."""
    return View("Chosen", row), View("Rejected", {**row, "chosen": row["rejected"]}, wanted=False)


def judged_sides(row: Mapping[str, Any]) -> tuple[View, ...]:
    """A pair as two judgements; or the one answer of a row, and whether it is good."""
    if "label" not in row:
        return both_sides(row)
    return (View("Good answer" if row["label"] else "Bad answer", row, wanted=bool(row["label"])),)


def advised_share(share: float) -> Callable[[BaseFacts, Mapping[str, Any]], Mapping[str, Any]]:
    """A learning rate that is this share of what the method advises for next-token losses."""

    def advised(_facts: BaseFacts, of_method: Mapping[str, Any]) -> Mapping[str, Any]:
        rate = of_method.get("learning_rate")
        return {} if rate is None else {"learning_rate": share * rate}

    return advised
