"""What was measured at each strength, as a table: for terminals and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storage.text_tables import aligned

IN_OTHER_UNITS = ("loss", "perplexity")
"""Metrics that are no shares."""
GENERAL, OWN = "General abilities", "Own prompts answered as before"


def rows(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heading and lines: a line per strength with the score of each dataset, general abilities, and own prompts.

    Behind each, the paired difference to full strength.
    """
    head, columns = ["Strength"], [[_name(strength, result) for strength in result["strengths"]]]
    for one in result["datasets"]:
        metric = one["headline"]
        head += [f"{title(metric)}, {one['name']}", "to full"]
        columns.append([value(metric, point["metrics"][metric]) for point in one["points"]])
        columns.append([change(metric, point["against_full"][metric]) for point in one["points"]])
    for name, curve, key in ((GENERAL, result["general"], "mean"), (OWN, result.get("own"), "same")):
        if curve:
            head += [name, "to full"]
            columns.append([value("", point[key]) for point in curve["points"]])
            columns.append([change("", point["against_full"]) for point in curve["points"]])
    lines = [list(line) for line in zip(*columns, strict=True)]
    return head, [[*line] if i < len(lines) - 1 else _last(line) for i, line in enumerate(lines)]


def _name(strength: float, result: Mapping[str, Any]) -> str:
    named = {0.0: "0 (base)", 1.0: "1 (full)"}.get(strength, f"{strength:g}")
    return f"{named} ←" if strength == result.get("recommended") else named


def _last(line: Sequence[str]) -> list[str]:
    """Full strength differs from itself by nothing, whatever an interval says."""
    return [line[0], *("–" if i % 2 else cell for i, cell in enumerate(line[1:]))]


def title(metric: str) -> str:
    """A metric's name: `Label accuracy`."""
    return "chrF" if metric == "chrf" else metric.replace("_", " ").capitalize()


def value(metric: str, found: Mapping[str, float]) -> str:
    """A score with its interval: `84 % [76, 90]`, or a loss in nats per token."""
    if metric in IN_OTHER_UNITS:
        return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
    return f"{100 * found['value']:.0f} % [{100 * found['low']:.0f}, {100 * found['high']:.0f}]"


def change(metric: str, found: Mapping[str, float]) -> str:
    """A difference with its interval, in percentage points or in the metric's unit."""
    digits, factor = (3, 1) if metric in IN_OTHER_UNITS else (0, 100)
    parts = [f"{factor * found[key]:+.{digits}f}".replace("-", "−") for key in ("value", "low", "high")]
    return f"{parts[0]} [{parts[1]}, {parts[2]}]"


def lines(result: Mapping[str, Any]) -> list[str]:
    """The whole result for a terminal."""
    head, body = rows(result)
    n = ", ".join(f"{one['n_rows']:,} rows of {one['name']}" for one in result["datasets"])
    told = f"On {n} (selection side) and {result['general']['n']:,} items, 95 % intervals; ← is recommended."
    return [told, "", *aligned([head, *body]), "", result["rule"], *result["remarks"]]
