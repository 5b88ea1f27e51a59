"""What pages say of a reward model's scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from app import score_charts
from app.answer_scores import Scored, ScoredAnswer
from app.formats import number, percent
from app.markup import html
from templates.quantities import plural
from templates.shortened import shortened

SHOWN_CHARS = 200
PAIRS = "preference_accuracy"


def block(verdict: Mapping[str, Any]) -> Markup:
    """How a reward model ranks held-out pairs, in a verdict; empty for other results."""
    return _drawn(verdict, in_full=True)


def headline(verdict: Mapping[str, Any]) -> Markup:
    """The same for a card: the bar alone."""
    return _drawn(verdict, in_full=False)


def _drawn(verdict: Mapping[str, Any], *, in_full: bool) -> Markup:
    found, pair = verdict.get("reward"), verdict.get("metrics", {}).get(PAIRS)
    if not found or not pair:
        return Markup("")
    return html(
        "verdicts/reward",
        accuracy=pair["adapted"],
        mark={"words": found["rule"], "share": pair["base"]},
        sentence=found["sentence"],
        facts=_facts(found) if in_full else [],
        chart=score_charts.distribution(found) if in_full else "",
    )


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    margin = f"{_interval(found['margin'])}; spread of all scores {number(found['spread'])}"
    told = [
        ("Chosen answers score higher by", margin),
        ("Correlation of score and length", _interval(found["length_correlation"])),
        ("Correlation of being chosen and length", _interval(found["length_of_chosen"])),
    ]
    if share := found["against_rule"]:
        words = f"{percent(share['value'])} [{100 * share['low']:.0f}, {100 * share['high']:.0f}]"
        told.append(("Ranked right where the rule is wrong", f"{words} of {plural(found['n_against_rule'], 'pair')}"))
    return told


def _interval(found: Mapping[str, float] | None) -> str:
    if found is None:
        return "not measurable: all the same"
    return f"{number(found['value'])} [{number(found['low'])}, {number(found['high'])}]"


def scored(found: Scored) -> Markup:
    """Answers with their scores, the best first, and where they fall among held-out ones."""
    ordered = sorted(enumerate(found.answers, 1), key=lambda one: -one[1].score)
    chart = score_charts.distribution(found.verdict, [one.score for one in found.answers]) if found.verdict else ""
    return html("scores/scored", rows=[_row(place, one) for place, one in ordered], chart=chart)


def _row(place: int, one: ScoredAnswer) -> list[str]:
    shares = ["not known" if share is None else percent(share) for share in (one.above_chosen, one.above_rejected)]
    return [str(place), shortened(one.answer, SHOWN_CHARS), number(one.score), *shares]
