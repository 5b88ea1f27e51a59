"""Charts as SVG made on the server: no script, no off-origin request, colours from the theme.

Each chart also gives its numbers as text, for readers who can't see it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from markupsafe import Markup

from app.formats import count, number, percent
from app.markup import html
from templates.quantities import plural

Points = Sequence[tuple[float, float]]
"""(step, value) by rising step."""
FEW = 3
"""Below this number, training values are drawn as points, not as a line."""
WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 30


class Area(NamedTuple):
    """A drawing's size and its margins."""

    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values between `low` and `high`, some `about` of them."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * i, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


class Plane:
    """Maps steps and values to the drawing's coordinates."""

    def __init__(self, x_high: float, y_low: float, y_high: float):
        margin = (y_high - y_low) * 0.06 or 0.1
        self.x_high = max(x_high, 1)
        lowest = y_low - margin
        self.y_low, self.y_high = max(0.0, lowest) if y_low >= 0 else lowest, y_high + margin

    @property
    def value_ticks(self) -> list[float]:
        """Round values on the vertical axis."""
        return ticks(self.y_low, self.y_high)

    @property
    def step_ticks(self) -> list[float]:
        """Round steps on the horizontal axis."""
        return [step for step in ticks(0, self.x_high) if step == int(step)]

    def x(self, step: float) -> float:
        """The step's distance from the left edge."""
        return LEFT + (WIDTH - LEFT - RIGHT) * step / self.x_high

    def y(self, loss: float) -> float:
        """The value's distance from the top edge."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.y_high - loss) / (self.y_high - self.y_low)

    def path(self, points: Points) -> str:
        """The line through the points."""
        return "M" + " L".join(f"{self.x(step):.1f} {self.y(loss):.1f}" for step, loss in points)


SIDES = {"train": "training", "held-out": "held-out"}


def loss_chart(train: Points, held_out: Points, total_steps: int, note: str = "") -> Markup:
    """Loss against steps; the caption ends with `note`."""
    if not any(math.isfinite(v) for _, v in (*train, *held_out)):
        return html("quiet", words="The chart begins with the first training step.")
    return line_chart("loss", train, held_out, total_steps, sides=("train", "held-out"), note=note)


def line_chart(
    name: str,
    train: Points,
    held_out: Points,
    total_steps: int,
    *,
    sides: Sequence[str] = (),
    words: Mapping[str, str] = SIDES,
    note: str = "",
) -> Markup:
    """A metric against steps: training as a thin line, held-out as a strong one with its points.

    The caption explains `sides` (by default those with points) in `words`, and ends with `note`.
    """
    train, held_out = ([(s, v) for s, v in points if math.isfinite(v)] for points in (train, held_out))
    points_of = {side: points for side, points in (("train", train), ("held-out", held_out)) if points}
    if not points_of:
        return Markup("")
    values = [v for points in points_of.values() for _, v in points]
    last_step = max(points[-1][0] for points in points_of.values())
    titles = {side: f"{words[side]} {name}" for side in sides or points_of}
    last = ", ".join(
        f"{titles[side]} {number(points[-1][1])} at step {count(points[-1][0])}" for side, points in points_of.items()
    )
    return html(
        "charts/line",
        area=Area(),
        plane=Plane(max(total_steps, last_step), min(values), max(values)),
        train=thinned(train),
        train_dots=thinned(train, 80),
        train_kind="train few" if len(train) < FEW else "train",
        held_out=held_out,
        titles=titles,
        label=name[0].upper() + name[1:],
        note=note,
        told=last,
    )


def thinned(points: Points, most: int = 400) -> Points:
    """About `most` evenly spaced points; the last is always kept."""
    stride = max(1, math.ceil(len(points) / most))
    kept = list(points[::stride])
    if points and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def loss_table(train: Points, held_out: Points) -> Markup:
    """The loss chart's numbers."""
    return number_table("loss", train, held_out)


def number_table(
    name: str, train: Points, held_out: Points, rows: int = 12, *, words: Mapping[str, str] = SIDES
) -> Markup:
    """A chart's numbers: every held-out point with the training value of that step or the last before it."""
    steps = [s for s, _ in held_out] or [s for s, _ in thinned(train, rows)]
    held = dict(held_out)
    lines = []
    for step in steps:
        before = [v for s, v in train if s <= step]
        of = {"train": before[-1] if before else None, "held-out": held.get(step)}
        lines.append((step, ["–" if of[side] is None else f"{of[side]:.4f}" for side in words]))
    titles = [f"{side} {name}" for side in words.values()]
    return html("charts/numbers", titles=[title[0].upper() + title[1:] for title in titles], rows=lines)


Interval = Mapping[str, float]
"""`value`, `low` and `high`, between 0 and 1."""
LABELS, CHANGES, ROW_HEIGHT = 150, 110, 24


def bar_pair(title: str, base: Interval, adapted: Interval, mark: Mapping[str, Any] | None = None) -> Markup:
    """Two shares as bars with whiskers; `mark` has the `share` to beat, drawn as a line, and its `words`."""
    return html("charts/bar_pair", title=title, base=base, adapted=adapted, mark=mark)


@dataclass(frozen=True)
class _Dot:
    """One share: its position and its caption."""

    kind: str
    value: float
    low: float
    high: float
    y: float
    told: str


@dataclass(frozen=True)
class _Row:
    """The shares of one line of the chart, the line's name and the words at its end."""

    label: str
    words: str
    y: float
    dots: list[_Dot]


def dot_rows(keys: Mapping[str, str], rows: Sequence[tuple[str, Mapping[str, Interval], str]], of: str) -> Markup:
    """Shares `of` something as dots with whiskers on one scale: `(label, share by kind, words at the end)`.

    `keys` says what the kinds `base` and `adapted` are; a row may lack one of them.
    """
    right, told, drawn = WIDTH - CHANGES, [], []
    for i, (label, shares, words) in enumerate(rows):
        y = TOP + ROW_HEIGHT * (i + 0.5)
        drawn.append(_Row(label, words, y, [_dot(kind, share, y, keys[kind]) for kind, share in shares.items()]))
        told.append(
            f"{label} " + ", ".join(f"{keys[kind]} {percent(share['value'])}" for kind, share in shares.items())
        )
    return html(
        "charts/shares",
        keys=keys,
        of=of,
        rows=drawn,
        scale=[(_across(tick), tick) for tick in (0.0, 0.25, 0.5, 0.75, 1.0)],
        told="; ".join(told),
        top=TOP,
        bottom=TOP + ROW_HEIGHT * len(rows),
        width=WIDTH,
        labels_end=LABELS - 8,
        words_start=right + 8,
    )


def _across(share: float) -> float:
    """The position of a share between 0 and 1."""
    return LABELS + (WIDTH - CHANGES - LABELS) * min(1.0, max(0.0, share))


def _dot(kind: str, share: Interval, y: float, name: str) -> _Dot:
    value, low, high = (_across(share[key]) for key in ("value", "low", "high"))
    words = f"{name} {percent(share['value'])} [{100 * share['low']:.0f}, {100 * share['high']:.0f}]"
    return _Dot(kind, value, low, high, y + (3.5 if kind == "adapted" else -3.5), words)


@dataclass(frozen=True)
class _Bar:
    """The number of rows up to a length."""

    kind: str
    x: float
    width: float
    height: float
    n: int
    edge: int


def histogram(bins: Sequence[tuple[int, int]], limit: int, title: str = "Rows by length in tokens") -> Markup:
    """Rows by length: `(upper edge in tokens, rows)`; bars beyond `limit` tokens are marked as cut."""
    if not bins:
        return Markup("")
    highest = max((n for _, n in bins), default=0) or 1
    width = (WIDTH - LEFT - RIGHT) / len(bins)
    floor = HEIGHT - BOTTOM
    bars = [
        _Bar(
            kind="over" if edge > limit else "within",
            x=LEFT + i * width + 1,
            width=max(1, width - 2),
            height=(floor - TOP) * n / highest,
            n=n,
            edge=edge,
        )
        for i, (edge, n) in enumerate(bins)
    ]
    told = f"{title}, up to {count(bins[-1][0])}; at most {plural(highest, 'row')} in one bar"
    return html(
        "charts/histogram",
        area=Area(),
        title=title,
        told=told,
        floor=floor,
        bars=bars,
        edges=_edges(bins, width),
        highest=highest,
    )


def _edges(bins: Sequence[tuple[int, int]], width: float) -> list[tuple[int, str, str]]:
    """About eight of the bars' upper edges, with position and alignment."""
    every = math.ceil(len(bins) / 8)
    found = [
        (edge, f"{LEFT + (i + 1) * width:.1f}", "middle")
        for i, (edge, _) in enumerate(bins[:-1])
        if (len(bins) - 1 - i) % every == 0
    ]
    return [*found, (bins[-1][0], str(WIDTH), "end")]  # centred under its edge, the last label would be cut off
