"""A verdict in lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.data import openings
from templates import metrics


def measured(verdict: Mapping[str, Any], opened: int | None) -> list[str]:
    """The objective's own metrics, one per line, and how often the held-out side has been opened."""
    found = (verdict.get("measures") or {}).values()
    lines = [f"{measure['title']}: {metrics.compared(measure)}." for measure in found]
    return [*lines, *([openings.sentence(opened)] if opened else [])]
