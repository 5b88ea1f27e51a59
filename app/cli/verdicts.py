"""A verdict in lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.data import openings
from storage.text_tables import cell
from templates import metrics
from templates.shortened import shortened


def measured(verdict: Mapping[str, Any], opened: int | None) -> list[str]:
    """Examples, what would help, the objective's own metrics, and how often the held-out side has been opened."""
    lines = [
        f"Row {one['row']:,}: expected “{shortened(one['expected'])}”, given “{shortened(one['given'])}”."
        for one in verdict.get("examples") or ()
    ]
    if verdict.get("came_back"):
        lines.append(verdict["came_back"])
    if verdict.get("what_would_help"):
        lines.append(f"What would help: {verdict['what_would_help']}")
    name, root = str(verdict.get("headline")), verdict.get("root") or {"metrics": {}}
    if name in root["metrics"]:
        lines.append(f"Beside {root['name']}: {_compared(name, root['metrics'][name])}.")
    if (won := root.get("wins")) and root.get("name"):
        lines.append(f"Answers against those of {root['name']}: {cell(won['rate'])} of {won['n']:,} prompts won.")
    if said := (verdict.get("teacher") or {}).get("sentence"):  # a generation's result names its teacher, too
        lines.append(said)
    if of_labels := verdict.get("classification"):
        lines += [of_labels["sentence"], *of_labels["remarks"]]
    if of_reward := verdict.get("reward"):
        lines.append(of_reward["sentence"])
    if (liked := verdict.get("liked")) and verdict.get("headline") != "scored_higher":
        lines.append(liked["sentence"])
    found = (verdict.get("measures") or {}).values()
    lines += [f"{measure['title']}: {metrics.compared(measure)}." for measure in found]
    return [*lines, *([openings.sentence(opened)] if opened else [])]


def _compared(name: str, pair: Mapping[str, Mapping[str, float]]) -> str:
    """One metric of the base model at the root and of the result."""
    title = name.replace("_", " ")
    if name in ("loss", "perplexity"):
        return f"{title} {pair['base']['value']:.2f} → {pair['adapted']['value']:.2f}"
    return f"{title} {100 * pair['base']['value']:.0f} % → {100 * pair['adapted']['value']:.0f} %"
