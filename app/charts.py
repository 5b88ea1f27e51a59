"""Charts as SVG made on the server: no script, no off-origin request, colours from the theme.

Each chart has its numbers as text beside or beneath it, for those who can't see it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from app.formats import count, escaped, number, percent

Points = Sequence[tuple[float, float]]
"""(step, value) by rising step."""
WIDTH, HEIGHT = 640, 240
FEW = 3
"""Fewer training points than this are drawn as points, since they make no line."""
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 30


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


class _Plane:
    """Maps steps and values to the drawing's coordinates."""

    def __init__(self, x_high: float, y_low: float, y_high: float):
        margin = (y_high - y_low) * 0.06 or 0.1
        self.x_high = max(x_high, 1)
        lowest = y_low - margin
        self.y_low, self.y_high = max(0.0, lowest) if y_low >= 0 else lowest, y_high + margin

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / self.x_high

    def y(self, loss: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.y_high - loss) / (self.y_high - self.y_low)

    def path(self, points: Points) -> str:
        return "M" + " L".join(f"{self.x(step):.1f} {self.y(loss):.1f}" for step, loss in points)

    def axes(self) -> str:
        parts = []
        for loss in ticks(self.y_low, self.y_high):
            y = self.y(loss)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{loss:g}</text>')
        for step in ticks(0, self.x_high):
            parts.append(
                f'<text x="{self.x(step):.1f}" y="{HEIGHT - 10}" text-anchor="middle">{count(step)}</text>'
                if step == int(step)
                else ""
            )
        return "".join(parts)


def loss_chart(train: Points, held_out: Points, total_steps: int) -> str:
    """Loss against steps."""
    if not any(math.isfinite(v) for _, v in (*train, *held_out)):
        return '<p class="quiet">The chart begins with the first training step.</p>'
    return line_chart("loss", train, held_out, total_steps, sides=("train", "held-out"))


SIDES = {"train": "training", "held-out": "held-out"}


def line_chart(
    name: str,
    train: Points,
    held_out: Points,
    total_steps: int,
    *,
    sides: Sequence[str] = (),
    words: Mapping[str, str] = SIDES,
    note: str = "",
) -> str:
    """A metric against steps: training as a thin line, held-out as a strong one with its points.

    `sides` are explained in the caption, by default those with points, called by `words`; `note` stands behind it.
    """
    train, held_out = ([(s, v) for s, v in points if math.isfinite(v)] for points in (train, held_out))
    points_of = {side: points for side, points in (("train", train), ("held-out", held_out)) if points}
    if not points_of:
        return ""
    values = [v for points in points_of.values() for _, v in points]
    last_step = max(points[-1][0] for points in points_of.values())
    plane = _Plane(max(total_steps, last_step), min(values), max(values))
    titles = {side: f"{words[side]} {name}" for side in sides or points_of}
    last = ", ".join(
        f"{titles[side]} {number(points[-1][1])} at step {count(points[-1][0])}" for side, points in points_of.items()
    )
    keys = "".join(f'<span class="key {side}"></span>{escaped(title)} ' for side, title in titles.items())
    label, behind = escaped(name[0].upper() + name[1:]), escaped(f"against steps{note}")
    return (
        f'<figure class="chart"><figcaption>{keys}<span class="quiet">{behind}</span></figcaption>'
        f'<div class="scroll" tabindex="0" role="group" aria-label="{label} chart">'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label} against steps: {escaped(last)}">'
        f"{plane.axes()}{_lines(plane, train, held_out, titles)}</svg></div></figure>"
    )


def _lines(plane: _Plane, train: Points, held_out: Points, titles: Mapping[str, str]) -> str:
    lines = ""
    if train:
        lines += f'<path class="line train" d="{plane.path(thinned(train))}"/>'
        kind = "train few" if len(train) < FEW else "train"
        lines += "".join(_dot(plane, p, kind, titles["train"]) for p in thinned(train, 80))
    if held_out:
        lines += f'<path class="line held-out" d="{plane.path(held_out)}"/>'
        lines += "".join(_dot(plane, p, "held-out", titles["held-out"]) for p in held_out)
    return lines


def _dot(plane: _Plane, point: tuple[float, float], kind: str, title: str) -> str:
    step, value = point
    radius = 3 if kind == "held-out" else 5
    return (
        f'<circle class="dot {kind}" cx="{plane.x(step):.1f}" cy="{plane.y(value):.1f}" r="{radius}">'
        f"<title>{escaped(title)} {value:.4f} at step {count(step)}</title></circle>"
    )


def thinned(points: Points, most: int = 400) -> Points:
    """At most about `most` of the points, evenly taken, the last always kept."""
    stride = max(1, math.ceil(len(points) / most))
    kept = list(points[::stride])
    if points and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def loss_table(train: Points, held_out: Points) -> str:
    """The loss chart's numbers."""
    return number_table("loss", train, held_out)


def number_table(
    name: str, train: Points, held_out: Points, rows: int = 12, *, words: Mapping[str, str] = SIDES
) -> str:
    """A chart's numbers: every held-out point with the training value of that step or the last before it."""
    steps = [s for s, _ in held_out] or [s for s, _ in thinned(train, rows)]
    held = dict(held_out)
    lines = []
    for step in steps:
        before = [v for s, v in train if s <= step]
        shown_train = f"{before[-1]:.4f}" if before else "–"
        shown_held = f"{held[step]:.4f}" if step in held else "–"
        first = f"<td>{shown_train}</td>" if "train" in words else ""
        lines.append(f"<tr><td>{count(step)}</td>{first}<td>{shown_held}</td></tr>")
    titles = ["step", *(f"{side} {name}" for side in words.values())]
    cells = "".join(f'<th scope="col">{escaped(title[0].upper() + title[1:])}</th>' for title in titles)
    body = f"<thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll" tabindex="0"><table class="numbers">{body}</table></div>'


def bar_pair(title: str, base: dict[str, float], adapted: dict[str, float]) -> str:
    """Two shares between 0 and 1 as bars with whiskers: `{"value", "low", "high"}` each."""
    rows = "".join(
        f'<div class="bar-row"><span class="who">{who}</span>{_bar(values, who)}'
        f'<span class="value">{percent(values["value"])} '
        f'<span class="quiet">[{100 * values["low"]:.0f}, {100 * values["high"]:.0f}]</span></span></div>'
        for who, values in (("base", base), ("adapted", adapted))
    )
    return f'<div class="bars"><div class="bars-title">{escaped(title)}</div>{rows}</div>'


def _bar(values: dict[str, float], who: str) -> str:
    value, low, high = (100 * min(1.0, max(0.0, values[key])) for key in ("value", "low", "high"))
    return (
        f'<svg class="bar {who}" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="12"/><rect class="fill" width="{value:.1f}" height="12"/>'
        f'<path class="whisker" d="M{low:.1f} 6 H{high:.1f} M{low:.1f} 2 V10 M{high:.1f} 2 V10"/></svg>'
    )


Interval = Mapping[str, float]
"""`value`, `low` and `high`, between 0 and 1."""
LABELS, CHANGES, ROW_HEIGHT = 150, 110, 24


def dot_rows(keys: Mapping[str, str], rows: Sequence[tuple[str, Mapping[str, Interval], str]], of: str) -> str:
    """Shares `of` something as dots with whiskers on one scale: `(label, share by kind, words at the end)`.

    `keys` says what the kinds `base` and `adapted` are; a row may lack one of them.
    """
    right, bottom = WIDTH - CHANGES, TOP + ROW_HEIGHT * len(rows)
    parts, said = [], []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LABELS + (right - LABELS) * tick
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{percent(tick)}</text>')
    for i, (label, shares, words) in enumerate(rows):
        y = TOP + ROW_HEIGHT * (i + 0.5)
        parts.append(f'<text x="{LABELS - 8}" y="{y + 4:.1f}" text-anchor="end">{escaped(label)}</text>')
        parts.append(f'<text x="{right + 8}" y="{y + 4:.1f}">{escaped(words)}</text>')
        for kind, share in shares.items():
            parts.append(_share_dot(kind, share, y + (3.5 if kind == "adapted" else -3.5), right, keys[kind]))
        said.append(
            f"{label} " + ", ".join(f"{keys[kind]} {percent(share['value'])}" for kind, share in shares.items())
        )
    caption = " ".join(f'<span class="key dot-key {kind}"></span>{escaped(name)}' for kind, name in keys.items())
    return (
        f'<figure class="chart shares"><figcaption>{caption} <span class="quiet">· {escaped(of)}</span></figcaption>'
        '<div class="scroll" tabindex="0" role="group" aria-label="Abilities chart">'
        f'<svg viewBox="0 0 {WIDTH} {bottom + 26}" role="img" aria-label="{escaped("; ".join(said))}">'
        f"{''.join(parts)}</svg></div></figure>"
    )


def _share_dot(kind: str, share: Interval, y: float, right: float, name: str) -> str:
    value, low, high = (LABELS + (right - LABELS) * min(1.0, max(0.0, share[k])) for k in ("value", "low", "high"))
    words = f"{name} {percent(share['value'])} [{100 * share['low']:.0f}, {100 * share['high']:.0f}]"
    return (
        f'<g class="share {kind}"><title>{escaped(words)}</title>'
        f'<path d="M{low:.1f} {y:.1f} H{high:.1f}"/><circle cx="{value:.1f}" cy="{y:.1f}" r="4"/></g>'
    )


def histogram(bins: Sequence[tuple[int, int]], limit: int, title: str = "Rows by length in tokens") -> str:
    """Rows by length: `(upper edge in tokens, rows)`; bars beyond `limit` tokens are marked as cut."""
    if not bins:
        return ""
    highest = max((n for _, n in bins), default=0) or 1
    width = (WIDTH - LEFT - RIGHT) / len(bins)
    floor = HEIGHT - BOTTOM
    bars, labels = [], []
    last = f'x="{WIDTH}" y="{HEIGHT - 10}" text-anchor="end"'  # in the middle under its edge it would be cut off
    for i, (edge, n) in enumerate(bins):
        height = (floor - TOP) * n / highest
        x = LEFT + i * width
        kind = "over" if edge > limit else "within"
        bars.append(
            f'<rect class="{kind}" x="{x + 1:.1f}" y="{floor - height:.1f}" width="{max(1, width - 2):.1f}" '
            f'height="{height:.1f}"><title>{count(n)} rows up to {count(edge)} tokens</title></rect>'
        )
        n_behind = len(bins) - 1 - i
        if n_behind % math.ceil(len(bins) / 8) == 0:
            place = f'x="{x + width:.1f}" y="{HEIGHT - 10}" text-anchor="middle"' if n_behind else last
            labels.append(f"<text {place}>{count(edge)}</text>")
    scale = f'<text x="{LEFT - 8}" y="{TOP + 10}" text-anchor="end">{count(highest)}</text>'
    base_line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>'
    text = f"{escaped(title)}, up to {count(bins[-1][0])}; at most {count(highest)} rows in one bar"
    return (
        f'<figure class="chart histogram"><figcaption>{escaped(title)}</figcaption>'
        '<div class="scroll" tabindex="0" role="group" aria-label="Length histogram">'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text}">'
        f"{base_line}{''.join(bars)}{''.join(labels)}{scale}</svg></div></figure>"
    )
