"""A chart of a reward model's scores: held-out chosen and rejected answers, and the answers that were just scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Area, ticks
from app.formats import number
from app.markup import html

N_BINS = 24
KINDS = (("adapted", "chosen"), ("base", "rejected"))
"""The colour and the name of each side; the first one stands above the line, the second one below."""


@dataclass(frozen=True)
class _Bar:
    kind: str
    x: float
    y: float
    width: float
    height: float
    told: str


@dataclass(frozen=True)
class _Mark:
    """A scored answer."""

    x: float
    label: str
    told: str


def distribution(told: Mapping[str, Any], scores: Sequence[float] = ()) -> Markup:
    """The scores of held-out chosen answers (up) and rejected ones (down); a numbered line for each of `scores`."""
    every = [*told["chosen"], *told["rejected"], *scores]
    low, high = min(every), max(every)
    if low == high:
        low, high = low - 1, high + 1
    width = WIDTH - LEFT - RIGHT

    def x(score: float) -> float:
        return LEFT + width * (score - low) / (high - low)

    counted = {side: _counts(told[side], low, high) for _, side in KINDS}
    most = max(map(max, counted.values()))
    middle = (HEIGHT - BOTTOM + TOP) / 2
    bars = [bar for kind, side in KINDS for bar in _bars(kind, side, counted[side], most, middle, width)]
    marks = [_Mark(x(one), str(place), f"Answer {place}: {number(one)}") for place, one in enumerate(scores, 1)]
    said = "; ".join(_told(side, told[side]) for _, side in KINDS)
    return html(
        "charts/scores",
        area=Area(),
        bars=bars,
        marks=marks,
        middle=middle,
        floor=HEIGHT - BOTTOM,
        ticks=[(f"{value:g}".replace("-", "−"), x(value)) for value in ticks(low, high)],
        told="; ".join([said, *(mark.told for mark in marks)]),
    )


def _told(side: str, percentiles: Sequence[float]) -> str:
    low, middle, high = (number(percentiles[place]) for place in (5, 50, 95))
    return f"{side} answers: middle {middle}, most from {low} to {high}"


def _counts(percentiles: Sequence[float], low: float, high: float) -> list[int]:
    """How many of the percentiles lie in each bin: about one hundredth of the answers each."""
    counts = [0] * N_BINS
    for one in percentiles:
        counts[min(N_BINS - 1, int(N_BINS * (one - low) / (high - low)))] += 1
    return counts


def _bars(kind: str, side: str, counts: Sequence[int], most: int, middle: float, width: float) -> list[_Bar]:
    bars, room = [], (HEIGHT - BOTTOM - TOP) / 2 - 12
    for place, n in enumerate(counts):
        height = room * n / most
        y = middle - height if kind == "adapted" else middle
        left = LEFT + place * width / N_BINS + 1
        bars.append(_Bar(kind, left, y, width / N_BINS - 2, height, f"about {n} % of the {side} answers"))
    return bars
