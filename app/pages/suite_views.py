"""Scores on a suite as a page shows them: what changed, ability by ability, and the whole table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from app import charts
from app.markup import html
from storage.gallery import suite_table


def block(result: Mapping[str, Any]) -> Markup:
    """The whole result of an evaluation on a suite."""
    found = result["comparisons"]
    head, rows = suite_table.rows(result)
    return html(
        "verdicts/suite",
        comparisons=[(one, chart(one, one["against"], one["model"])) for one in found],
        alone=[(model, _alone(model, suite_table.phrasings(result))) for model in result["models"] if not found],
        suite=result["suite"],
        head=head,
        rows=rows,
        remarks=suite_table.remarks(result),
    )


def chart(found: Mapping[str, Any], base: str, adapted: str) -> Markup:
    """Two models ability by ability, and significant changes; `base` and `adapted` are their names."""
    pairs = {suite_table.words(score): pair for score, pair in found["abilities"].items()}
    pairs["mean"] = found["mean"]
    rows = [
        (name, {"base": pair["base"], "adapted": pair["adapted"]}, _change(pair["difference"]))
        for name, pair in pairs.items()
    ]
    keys = {"base": base, "adapted": adapted}
    return charts.dot_rows(keys, rows, "Correct (%); numbers mark significant changes")


def _alone(model: Mapping[str, Any], phrasings: Sequence[str]) -> Markup:
    shares = {suite_table.words(score): found for score, found in model["abilities"].items()}
    shares["mean"] = model["mean"]
    rows = [
        (name, {kind: found[phrasing] for phrasing, kind in _KINDS.items() if phrasing in found}, "")
        for name, found in shares.items()
    ]
    keys = {_KINDS[phrasing]: f"{suite_table.WORDS[phrasing]} phrasing" for phrasing in phrasings}
    if len(phrasings) == 1:
        keys = {_KINDS[phrasings[0]]: model["name"]}
    return charts.dot_rows(keys, rows, "Correct (%)")


_KINDS = {"known": "adapted", "held_out": "base"}
"""The colour of each phrasing."""


def _change(difference: Mapping[str, float]) -> str:
    """`−31 [−38, −24]` in points; empty if not significant."""
    return "" if difference["low"] <= 0 <= difference["high"] else points(difference)


def points(difference: Mapping[str, float]) -> str:
    """`−31 [−38, −24]`."""
    value, low, high = (f"{100 * difference[key]:+.0f}".replace("-", "−") for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
