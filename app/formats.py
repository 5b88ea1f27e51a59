"""Formats numbers, times and texts for pages."""

from __future__ import annotations

import math
import time

from templates.quantities import minutes_range as minutes_range  # storage needs it too

MINUTE, HOUR, DAY = 60, 3600, 86_400


def count(n: float) -> str:
    """`1840` → `1,840`."""
    return f"{n:,.0f}"


def duration(seconds: float) -> str:
    """`108` → `1 min 48 s`; omits the smaller part where it doesn't matter."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{whole} s"
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{round(whole / MINUTE)} min"
    if whole < DAY:
        hours, rest = divmod(round(whole / MINUTE), 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(round(whole / HOUR), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def ago(then: float) -> str:
    """A past moment, seconds since 1970: `3 min ago`."""
    passed = time.time() - then
    if passed < 5:
        return "just now"
    if passed < MINUTE:
        return f"{passed:.0f} s ago"
    if passed < HOUR:
        return f"{passed / MINUTE:.0f} min ago"
    if passed < 2 * DAY:
        return f"{passed / HOUR:.0f} h ago"
    return time.strftime("%Y-%m-%d", time.localtime(then))


def moment(at: float) -> str:
    """A moment that doesn't change with time: `14:03` for today, else `2026-11-28 14:03`."""
    then, now = time.localtime(at), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


def clock_time(moment: float) -> str:
    """A moment as `14:03:22`."""
    return time.strftime("%H:%M:%S", time.localtime(moment))


def percent(share: float) -> str:
    """`0.813` → `81 %`; one digit more where whole percents would hide something."""
    value = 100 * share
    return f"{value:.1f} %" if 0 < value < 2 or 98 < value < 100 else f"{value:.0f} %"


def number(value: float) -> str:
    """A loss or a similar number: two or three significant digits."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    if value == 0 or abs(value) >= 0.1:
        text = f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.1e}"
    else:
        text = f"{value:.2g}"
    return text.replace("-", "−")


def parameters(n: int) -> str:
    """`5900000` → `5.9 M`."""
    return f"{n / 1e9:.1f} B" if n >= 1e9 else f"{n / 1e6:.1f} M" if n >= 1e6 else f"{n / 1e3:.0f} k"
