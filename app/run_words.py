"""A comparison of runs in words: scores, differences, and what they allow to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.formats import number, percent
from storage.runs.bootstrap import Interval
from storage.runs.paired import Difference

METRICS = {
    "checks_passed": "Checks passed",
    "scored_higher": "Scored higher by the reward model",
    "label_accuracy": "Label accuracy",
    "exact_match": "Exact match",
    "chrf": "Similarity to the expected answers (chrF)",
    "preference_accuracy": "Preference accuracy",
    "loss": "Loss",
    "perplexity": "Perplexity",
}
OUTCOMES = {"better": "better", "worse": "worse", "cant_tell": "can’t tell"}


def title(metric: str) -> str:
    """A metric's name."""
    return METRICS.get(metric, metric)


def score(metric: str, interval: Mapping[str, Any]) -> str:
    """`81 % [76, 86]`, or a loss in nats per token."""
    value, low, high = (float(interval[key]) for key in ("value", "low", "high"))
    if metric in ("loss", "perplexity"):
        return f"{number(value)} [{number(low)}, {number(high)}]"
    return f"{percent(value)} [{100 * low:.0f}, {100 * high:.0f}]"


def difference(found: Difference) -> str:
    """`+4 [−2, +10] points, can’t tell`."""
    return f"{change(found.metric, found.difference)}, {OUTCOMES[found.outcome]}"


def named_difference(found: Difference) -> str:
    """The same with the metric's name."""
    name = title(found.metric)
    return f"{name[0].lower()}{name[1:]} {difference(found)}"


def change(metric: str, interval: Interval) -> str:
    """A difference with its interval and unit."""
    digits = 2 if metric == "loss" else 0
    scale = 1 if metric == "loss" else 100
    if scale == 100 and 0 < abs(interval.value) < 0.01:
        digits = 1
    value, low, high = (signed(scale * end, digits) for end in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}] {'nats' if metric == 'loss' else 'points'}"


def signed(value: float, digits: int) -> str:
    """A number with its sign; zero has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")
