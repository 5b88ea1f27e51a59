"""Amounts in words, the same wherever they are shown."""

from __future__ import annotations

import humanize

WHOLE_FROM = 10
"""Sizes of at least this many units have no decimals."""


def size(n_bytes: float) -> str:
    """`1234567` → `1.2 MB`, `21000000` → `21 MB`."""
    shown = humanize.naturalsize(n_bytes, format="%.1f")
    amount, unit = shown.split()
    if unit in ("Byte", "Bytes"):
        return shown.lower()
    return humanize.naturalsize(n_bytes, format="%.0f") if float(amount) >= WHOLE_FROM else shown


def stopped_at(step: int, of: int) -> str:
    """`stopped at 6 of 61 steps`, for a training that someone ended early."""
    return f"stopped at {step:,} of {plural(of, 'step')}"


def plural(n: int, noun: str, nouns: str = "") -> str:
    """`3, "row"` → `3 rows`; pass `nouns` if the plural does not just add an s."""
    return f"{n:,} {noun if n == 1 else nouns or noun + 's'}"


def minutes_range(low: float, high: float) -> str:
    """An estimate in minutes: `≈ 2–3 min`."""
    if high < 1:
        return "under a minute" if high * 60 > 20 else "under 20 s"
    if high >= 90:
        return f"≈ {low / 60:.1f}–{high / 60:.1f} h"
    first, last = max(1, round(low)), max(1, round(high))
    return f"≈ {first} min" if first == last else f"≈ {first}–{last} min"
