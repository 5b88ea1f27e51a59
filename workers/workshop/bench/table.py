"""The outcomes of demonstrations as text for terminals and model cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.text_tables import aligned, cell

SUITE = "general suite"


def lines(document: Mapping[str, Any]) -> list[str]:
    """The whole document for a terminal: a block for each demonstration."""
    small, nano, threads = document["small"], document["nano"], document["threads"]
    said = [f"{small} and {nano}, seed {document['seed']}, {threads} threads; 95 % intervals in brackets"]
    if document["share"] < 1:
        said[0] += f"; {document['share']:.0%} of the rows"
    for outcome in document["demonstrations"]:
        said += ["", *_block(outcome, document["within_s"])]
    return said


def rows(outcome: Mapping[str, Any]) -> list[list[str]]:
    """Measure, n, before, after and difference of one demonstration, general abilities last."""
    found = [
        [row["measure"], str(row["n"]), *(_cell(row[side], row["kind"]) for side in ("before", "after")), _change(row)]
        for row in outcome["rows"]
    ]
    forgotten = outcome["forgetting"]
    if forgotten:
        mean = forgotten["mean"]
        change = _points(mean["difference"])
        found.append([SUITE, str(forgotten["n"]), cell(mean["base"]), cell(mean["adapted"]), change])
    return found


def _block(outcome: Mapping[str, Any], within_s: float) -> list[str]:
    late = "" if outcome["in_time"] else f", more than the {within_s:.0f} s promised"
    said = [f"{outcome['key']}: {outcome['title']} ({outcome['seconds']:.0f} s{late})"]
    said += [f"  {line}" for line in aligned([["", "n", "before", "after", "difference"], *rows(outcome)])]
    said.append(f"  {'target met' if outcome['met'] else 'TARGET MISSED'}: {outcome['target']}")
    said.append(f"  {outcome['verdict']}")
    said.append(f"  {outcome['forgetting']['sentence'] if outcome['forgetting'] else 'No weight was changed.'}")
    said.append("  " + ", ".join(f"{key} {value}" for key, value in outcome["settings"].items()))
    return said


def _cell(interval: Mapping[str, float] | None, kind: str) -> str:
    if interval is None or kind == "share":
        return cell(interval)
    return "{value:.3g} [{low:.3g}, {high:.3g}]".format(**interval)


def _change(row: Mapping[str, Any]) -> str:
    if row["difference"] is None:
        return ""
    if row["kind"] == "share":
        return _points(row["difference"])
    return "{value:+.3g} [{low:+.3g}, {high:+.3g}]".format(**row["difference"]).replace("-", "−")


def _points(difference: Mapping[str, float]) -> str:
    value, low, high = (f"{100 * difference[key]:+.0f}".replace("-", "−") for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
