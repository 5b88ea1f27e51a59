"""Charts of answers that are labels: what is confused with what, and how far probabilities can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.charts import WIDTH
from app.markup import html
from templates.quantities import plural

MOST_DRAWN = 16
"""With more labels, the least confused ones share a row and a column."""
OTHERS = "all others"
NAMES, TOP, LABEL_CHARS = 190, 26, 21
SQUARE, PLOT = 260, 52
"""Side of the plot of a reliability diagram, and its left margin."""

Cell = Mapping[str, Any]
"""`expected`, `given` and `n`, as in a verdict."""


@dataclass(frozen=True)
class _Square:
    """A cell of the matrix."""

    x: float
    y: float
    n: int
    share: float
    """Of the row."""
    is_right: bool
    told: str


def confusion_matrix(cells: Sequence[Cell], labels: Sequence[str]) -> Markup:
    """Rows: the labels that are right; columns: those that were given. With many labels, the most confused ones."""
    shown = _most_confused(cells, labels) if len(labels) > MOST_DRAWN else list(labels)
    folded = len(shown) < len(labels)
    names = [*shown, OTHERS] if folded else shown
    counted, inside = _counted(cells, names)
    totals = Counter[int]()
    for (row, _), n in counted.items():
        totals[row] += n
    side = min(34.0, (WIDTH - NAMES - 8) / len(names))
    squares = [
        _Square(
            x=NAMES + column * side,
            y=TOP + row * side,
            n=n,
            share=n / totals[row],
            is_right=row == column and not (folded and row == len(names) - 1),
            told=f"{names[row]} → {names[column]}: {n} of {totals[row]}",
        )
        for (row, column), n in sorted(counted.items())
    ]
    return html(
        "charts/confusion",
        squares=squares,
        names=[(_in_short(name), name, totals[at]) for at, name in enumerate(names)],
        side=side,
        left=NAMES,
        top=TOP,
        width=WIDTH,
        height=TOP + side * len(names) + 8,
        n_shown=len(shown),
        n_labels=len(labels),
        inside=inside,
        folded=folded,
        told="; ".join(square.told for square in squares if not square.is_right) or "nothing is confused",
    )


def _counted(cells: Sequence[Cell], names: Sequence[str]) -> tuple[Counter[tuple[int, int]], int]:
    """Rows by the places of both labels, the last for all others; and the rows that these confuse among themselves."""
    place = {name: at for at, name in enumerate(names)}
    counted: Counter[tuple[int, int]] = Counter()
    inside = 0
    for cell in cells:
        expected, given = cell["expected"], cell["given"]
        if expected not in place and given not in place and expected != given:
            inside += cell["n"]
        counted[place.get(expected, len(names) - 1), place.get(given, len(names) - 1)] += cell["n"]
    return counted, inside


def _in_short(name: str) -> str:
    """A long label without its middle: labels often begin alike."""
    half = LABEL_CHARS // 2
    return name if len(name) <= LABEL_CHARS else f"{name[:half]}…{name[-half:]}"


def _most_confused(cells: Sequence[Cell], labels: Sequence[str]) -> list[str]:
    """The labels that take part in most confusions, in their own order."""
    wrong: Counter[str] = Counter()
    for cell in cells:
        if cell["expected"] != cell["given"]:
            wrong[cell["expected"]] += cell["n"]
            wrong[cell["given"]] += cell["n"]
    most = {name for name, _ in sorted(wrong.items(), key=lambda one: (-one[1], one[0]))[: MOST_DRAWN - 1]}
    return [name for name in labels if name in most]


def confused_pairs(cells: Sequence[Cell]) -> list[tuple[str, str, int, int]]:
    """`(right label, given label, rows, rows with the right label)`, the most frequent first."""
    totals: Counter[str] = Counter()
    for cell in cells:
        totals[cell["expected"]] += cell["n"]
    wrong = [cell for cell in cells if cell["expected"] != cell["given"]]
    ordered = sorted(wrong, key=lambda cell: (-cell["n"], cell["expected"], cell["given"]))
    return [(cell["expected"], cell["given"], cell["n"], totals[cell["expected"]]) for cell in ordered]


@dataclass(frozen=True)
class _Point:
    """A bin's position, its interval, and its caption."""

    kind: str
    x: float
    y: float
    low: float
    high: float
    radius: float
    told: str


def reliability(before: Sequence[Mapping[str, Any]], fitted: Sequence[Mapping[str, Any]]) -> Markup:
    """The share of right answers against confidence, as the probabilities are and at the fitted temperature."""
    n_rows = sum(one["n"] for one in before) or 1
    points = [
        _point(one, kind, name, n_rows)
        for kind, name, bins in (("base", "as they are", before), ("adapted", "fitted", fitted))
        for one in bins
    ]
    ticks = [(tick, PLOT + SQUARE * tick, 12 + SQUARE * (1 - tick)) for tick in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return html(
        "charts/reliability",
        points=points,
        ticks=ticks,
        left=PLOT,
        right=PLOT + SQUARE,
        top=12,
        bottom=12 + SQUARE,
        width=PLOT + SQUARE + 30,
        told="; ".join(point.told for point in points),
    )


def _point(one: Mapping[str, Any], kind: str, name: str, n_rows: int) -> _Point:
    right = one["right"]
    rows = plural(one["n"], "answer")
    return _Point(
        kind=kind,
        x=PLOT + SQUARE * one["confidence"] + (2 if kind == "adapted" else -2),
        y=12 + SQUARE * (1 - right["value"]),
        low=12 + SQUARE * (1 - right["low"]),
        high=12 + SQUARE * (1 - right["high"]),
        radius=3 + 6 * (one["n"] / n_rows) ** 0.5,
        told=f"{name}: {rows} with {100 * one['confidence']:.0f} % confidence, {100 * right['value']:.0f} % right",
    )
