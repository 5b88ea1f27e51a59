"""Scores on a suite as a reader meets them: what changed, ability by ability, and the whole table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app import charts
from app.formats import escaped
from app.pages import layout
from storage.gallery import suite_table


def block(result: Mapping[str, Any]) -> str:
    """The whole result of an evaluation on a suite."""
    found = result["comparisons"]
    parts = [_comparison(one) for one in found] or [_alone(model) for model in result["models"]]
    head, rows = suite_table.rows(result)
    table = layout.table(
        [escaped(cell) for cell in head],
        [[escaped(cell) for cell in row] for row in rows],
        "Scores by ability and model",
        frozenset(range(1, len(head))),
    )
    suite = result["suite"]
    caption = f"{suite['name']} suite, {suite['n_items']:,} items, 95 % intervals"
    remarks = "".join(f"<li>{escaped(remark)}</li>" for remark in suite_table.remarks(result))
    return f'{"".join(parts)}<p class="quiet">{escaped(caption)}</p>{table}<ul class="remarks">{remarks}</ul>'


def _comparison(found: Mapping[str, Any]) -> str:
    return (
        f"<h3>{escaped(found['model'])} <span class='quiet'>against {escaped(found['against'])}</span></h3>"
        f'<p class="sentence">{escaped(found["sentence"])}</p>{chart(found, found["against"], found["model"])}'
    )


def chart(found: Mapping[str, Any], base: str, adapted: str) -> str:
    """Two models ability by ability, and what surely changed; `base` and `adapted` are their names."""
    pairs = {suite_table.words(score): pair for score, pair in found["abilities"].items()}
    pairs["mean"] = found["mean"]
    rows = [
        (name, {"base": pair["base"], "adapted": pair["adapted"]}, _change(pair["difference"]))
        for name, pair in pairs.items()
    ]
    keys = {"base": base, "adapted": adapted}
    return charts.dot_rows(keys, rows, "right answers in both phrasings, and what surely changed, in points")


def _alone(model: Mapping[str, Any]) -> str:
    shares = {suite_table.words(score): found for score, found in model["abilities"].items()}
    shares["mean"] = model["mean"]
    rows = [
        (name, {kind: found[phrasing] for phrasing, kind in _KINDS.items() if phrasing in found}, "")
        for name, found in shares.items()
    ]
    keys = {kind: f"{suite_table.WORDS[phrasing]} phrasing" for phrasing, kind in _KINDS.items()}
    return f"<h3>{escaped(model['name'])}</h3>{charts.dot_rows(keys, rows, 'right answers')}"


_KINDS = {"known": "adapted", "held_out": "base"}
"""Which of the two inks a phrasing is drawn in."""


def _change(difference: Mapping[str, float]) -> str:
    """`−31 [−38, −24]` in points; nothing where none is sure."""
    return "" if difference["low"] <= 0 <= difference["high"] else points(difference)


def points(difference: Mapping[str, float]) -> str:
    """`−31 [−38, −24]`."""
    value, low, high = (f"{100 * difference[key]:+.0f}".replace("-", "−") for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
