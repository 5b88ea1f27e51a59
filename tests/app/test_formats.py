"""Numbers and foreign text as pages show them."""

from __future__ import annotations

import time

import pytest

from app import formats
from templates import quantities


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (3.44, "3.4 s"),
        (48, "48 s"),
        (108, "1 min 48 s"),
        (600, "10 min"),
        (5400, "1 h 30 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert formats.duration(seconds) == words


def test_estimates_are_marked() -> None:
    assert formats.minutes_range(0.1, 0.2) == "under 20 s"
    assert formats.minutes_range(0.4, 0.9) == "under a minute"
    assert formats.minutes_range(1.6, 3.4) == "≈ 2–3 min"
    assert formats.minutes_range(1.2, 1.3) == "≈ 1 min"
    assert formats.minutes_range(60, 150) == "≈ 1.0–2.5 h"


def test_sizes_counts_shares() -> None:
    assert [quantities.size(n) for n in (12, 1_234_567, 738_000_000, 21e9)] == ["12 bytes", "1.2 MB", "738 MB", "21 GB"]
    assert quantities.plural(1, "row") == "1 row"
    assert quantities.plural(1840, "row") == "1,840 rows"
    assert [formats.percent(x) for x in (0, 0.004, 0.813, 0.996, 1)] == ["0 %", "0.4 %", "81 %", "99.6 %", "100 %"]
    assert [formats.number(x) for x in (2.306, -2.4, 13999.2, 0.0021, float("inf"))] == [
        "2.31",
        "−2.40",
        "13,999",
        "0.0021",
        "∞",
    ]
    assert formats.parameters(5_900_000) == "5.9 M"


def test_moments() -> None:
    now = time.time()
    assert [formats.ago(now - s) for s in (1, 30, 180, 7200)] == ["just now", "30 s ago", "3 min ago", "2 h ago"]
