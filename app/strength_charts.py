"""Draws what less strength keeps: the task's score against general abilities, a point for each strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.charts import ticks
from app.markup import html
from storage.gallery import strength_table
from storage.gallery.strength_table import IN_OTHER_UNITS

WIDTH, HEIGHT = 340, 270
"""Small enough to be readable on a telephone without scrolling."""
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 12, 46
NAMES = {0.0: "base", 0.25: "¼", 0.5: "½", 0.75: "¾", 1.0: "full"}
Interval = Mapping[str, float]


@dataclass(frozen=True)
class _Axis:
    """Maps values to the drawing, from `start` to `end` in pixels."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, found: Sequence[Interval], start: float, end: float, *, is_share: bool) -> _Axis:
        """The axis on which all these intervals have room."""
        low, high = min(one["low"] for one in found), max(one["high"] for one in found)
        margin = (high - low) * 0.06 or 0.05
        low, high = max(0.0, low - margin), high + margin
        return cls(low, min(1.0, high) if is_share else high, start, end)

    def at(self, value: float) -> float:
        """The place of a value."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[tuple[float, float]]:
        """Round values with their places."""
        return [(self.at(value), value) for value in ticks(self.low, self.high, 4)]


@dataclass(frozen=True)
class _Point:
    """A strength: its place, its whiskers, and its words."""

    name: str
    kind: str
    x: float
    y: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    told: str


def tradeoff(result: Mapping[str, Any], dataset: Mapping[str, Any]) -> Markup:
    """One dataset's score against general abilities, with 95 % intervals both ways."""
    metric = dataset["headline"]
    scores = [point["metrics"][metric] for point in dataset["points"]]
    general = [point["mean"] for point in result["general"]["points"]]
    is_share = metric not in IN_OTHER_UNITS
    across = _Axis.over(general, LEFT, WIDTH - RIGHT, is_share=True)
    up = _Axis.over(scores, HEIGHT - BOTTOM, TOP, is_share=is_share)
    name = strength_table.title(metric)
    points = [
        _point(result, strength, across, up, kept, score, metric)
        for strength, kept, score in zip(result["strengths"], general, scores, strict=True)
    ]
    return html(
        "charts/tradeoff",
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        floor=HEIGHT - BOTTOM,
        across=across.ticks,
        up=up.ticks,
        is_share=is_share,
        points=points,
        path="M" + " L".join(f"{point.x:.1f} {point.y:.1f}" for point in points),
        name=name if is_share else f"{name} in nats per token, lower is better",
        dataset=dataset["name"],
        told="; ".join(point.told for point in points),
        recommended=any(point.kind == "chosen" for point in points),
    )


def _point(
    result: Mapping[str, Any], strength: float, across: _Axis, up: _Axis, kept: Interval, score: Interval, metric: str
) -> _Point:
    words = f"{strength_table.title(metric)} {strength_table.value(metric, score)}"
    return _Point(
        name=NAMES.get(strength, f"{strength:g}"),
        kind="chosen" if strength == result.get("recommended") else "base" if strength == 0 else "plain",
        x=across.at(kept["value"]),
        y=up.at(score["value"]),
        x_range=(across.at(kept["low"]), across.at(kept["high"])),
        y_range=(up.at(score["low"]), up.at(score["high"])),
        told=f"strength {strength:g}: {words}, general abilities {strength_table.value('', kept)}",
    )
