"""Measures in words."""

from __future__ import annotations

from typing import Any

import pytest

from templates import metrics


def measure(unit: str, base: float, adapted: float, low: float, high: float, better: bool | None) -> dict[str, Any]:
    interval = {"value": adapted - base, "low": low, "high": high}
    return {"unit": unit, "base": base, "adapted": adapted, "n": 1200, "interval": interval, "better": better}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            measure("%", 0.55, 0.81, 0.12, 0.4, True),
            "81 % against 55 % for the base: +26 points [+12, +40] on 1,200 rows, better",
        ),
        (
            measure("nats", 0.5, 0.125, -0.5, -0.25, False),
            "0.125 nats against 0.5 nats for the base: −0.375 nats [−0.5, −0.25] on 1,200 rows, worse",
        ),
        (measure("", 2.0, 2.0, -1.0, 1.0, None), "2 against 2 for the base: 0 [−1, +1] on 1,200 rows"),
    ],
)
def test_a_measure_says_by_how_much_and_how_sure(given: dict[str, Any], said: str) -> None:
    assert metrics.compared(given) == said
