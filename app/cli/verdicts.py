"""A verdict in lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.data import openings
from templates import metrics
from templates.shortened import shortened


def measured(verdict: Mapping[str, Any], opened: int | None) -> list[str]:
    """Examples, what would help, the objective's own metrics, and how often the held-out side has been opened."""
    lines = [
        f"Row {one['row']:,}: expected “{shortened(one['expected'])}”, given “{shortened(one['given'])}”."
        for one in verdict.get("examples") or ()
    ]
    if verdict.get("what_would_help"):
        lines.append(f"What would help: {verdict['what_would_help']}")
    found = (verdict.get("measures") or {}).values()
    lines += [f"{measure['title']}: {metrics.compared(measure)}." for measure in found]
    return [*lines, *([openings.sentence(opened)] if opened else [])]
