"""Numbers that a training job reports and a verdict compares, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROGRESS = ("learning_rate", "tokens_per_s", "memory_bytes")
"""Values of a chart point that describe the training run, not what the model learns."""


@dataclass(frozen=True)
class Metric:
    """A number besides the loss. Each objective lists the ones that it reports."""

    key: str
    """Its name in the trainer's log, such as `rewards/accuracies`."""
    title: str
    unit: str = ""
    """`%` means a share between 0 and 1, shown as a percentage."""
    higher_is_better: bool | None = True
    """None: neither way is better."""


def shown(value: float, unit: str) -> str:
    """A value with its unit: `81 %`, `0.74 nats`."""
    return f"{_digits(value, unit)} {unit}".rstrip()


def changed(value: float, unit: str) -> str:
    """A difference with its sign; the difference of two shares is in percentage points."""
    name = "points" if unit == "%" else unit
    sign = "+" if value > 0 else ""
    return f"{sign}{_digits(value, unit)} {name}".rstrip()


def _digits(value: float, unit: str) -> str:
    text = f"{100 * value:.0f}" if unit == "%" else f"{value:.3g}"
    return (text.removeprefix("-") if text in ("-0", "0") else text).replace("-", "−")


def compared(measure: Mapping[str, Any]) -> str:
    """A verdict's measure: `81 % against 55 % for the base: +26 points [+12, +40] on 50 rows, better`."""
    unit, change = measure["unit"], measure["interval"]
    low, high = (changed(change[end], unit).removesuffix(" points").removesuffix(f" {unit}") for end in ("low", "high"))
    outcome = {True: ", better", False: ", worse", None: ""}[measure["better"]]
    rows = "1 row" if measure["n"] == 1 else f"{measure['n']:,} rows"
    return (
        f"{shown(measure['adapted'], unit)} against {shown(measure['base'], unit)} for the base: "
        f"{changed(change['value'], unit)} [{low}, {high}] on {rows}{outcome}"
    )
