"""Charts of several runs: their curves laid over one another, and their differences from one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app import run_words
from app.charts import TOP, WIDTH, Area, Plane, Points, thinned, ticks
from app.formats import count, number
from app.markup import html
from storage.runs.bootstrap import Interval
from storage.runs.comparison import Against
from templates.shortened import shortened

LABEL_CHARS = 20
LABELS, WORDS, ROW_HEIGHT = 150, 225, 28


@dataclass(frozen=True)
class Curve:
    """One run's line; `place` gives it its colour, from 1."""

    place: int
    label: str
    points: Points


def overlay(title: str, curves: Sequence[Curve]) -> Markup:
    """A metric of several runs against steps; nothing if no run has it."""
    finite = [
        Curve(one.place, one.label, [(step, value) for step, value in one.points if math.isfinite(value)])
        for one in curves
    ]
    drawn = [Curve(one.place, one.label, thinned(one.points, 200)) for one in finite if one.points]
    if not drawn:
        return Markup("")
    values = [value for one in drawn for _, value in one.points]
    told = "; ".join(f"{one.label} {number(one.points[-1][1])} at step {count(one.points[-1][0])}" for one in drawn)
    return html(
        "charts/overlay",
        title=title,
        curves=drawn,
        plane=Plane(max(one.points[-1][0] for one in drawn), min(values), max(values)),
        area=Area(),
        told=told,
    )


def table(curves: Sequence[Curve]) -> Markup:
    """The numbers of `overlay`: a column for each run, "–" where it has no point at that step."""
    shown = [one for one in curves if one.points]
    steps = sorted({step for one in shown for step, _ in thinned(one.points, 12)})
    known = [dict(one.points) for one in shown]
    rows = [(step, [f"{of[step]:.4f}" if step in of else "–" for of in known]) for step in steps]
    return html("charts/numbers", titles=[one.label for one in shown], rows=rows)


@dataclass(frozen=True)
class _Whisker:
    """One run's difference, placed on the drawing."""

    label: str
    name: str
    words: str
    kind: str
    value: float
    low: float
    high: float
    y: float


def differences(metric: str, first: str, against: Sequence[Against]) -> Markup:
    """Each run's difference from the `first` one on a metric, as a dot with its interval beside a line at zero."""
    found = [(one.run.label, each) for one in against for each in one.differences if each.metric == metric]
    if not found:
        return Markup("")
    scale = 1 if metric == "loss" else 100
    ends = [scale * end for _, each in found for end in (each.difference.low, each.difference.high)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    margin = 0.06 * (high - low) or 1.0
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return LABELS + (WIDTH - WORDS - LABELS) * (value - low) / (high - low)

    def placed(interval: Interval) -> tuple[float, float, float]:
        return x(scale * interval.value), x(scale * interval.low), x(scale * interval.high)

    rows = [
        _Whisker(
            shortened(label, LABEL_CHARS),
            label,
            run_words.difference(each),
            each.outcome,
            *placed(each.difference),
            TOP + ROW_HEIGHT * (i + 0.5),
        )
        for i, (label, each) in enumerate(found)
    ]
    return html(
        "charts/differences",
        title=f"{run_words.title(metric)}: difference from {first}",
        better="lower" if metric == "loss" else "higher",
        rows=rows,
        scale=[(x(tick), run_words.signed(tick, 0 if tick == int(tick) else 2)) for tick in ticks(low, high, 4)],
        zero=x(0),
        told="; ".join(f"{row.name} {row.words}" for row in rows),
        top=TOP,
        bottom=TOP + ROW_HEIGHT * len(rows),
        width=WIDTH,
        labels_end=LABELS - 8,
        words_start=WIDTH - WORDS + 8,
    )
