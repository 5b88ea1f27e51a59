"""A judgement for pages: what to go by, the win rates behind it, and pairs of answers to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from app.markup import html
from app.pages import verdicts
from storage.models import Job

OUTCOMES: Mapping[str, str] = {
    "won": "won",
    "lost": "lost",
    "tied": "a tie in both orders",
    "same": "equal texts",
    "unstable": "changed with the order",
    "unread": "no verdict",
}
BY_SCORE: Mapping[str, str] = {**OUTCOMES, "tied": "equal scores", "unread": "not scored"}
"""The same from a reward model."""
RATES: Mapping[str, str] = {
    "calibrated": "Judge, corrected by your votes",
    "votes": "Your votes alone",
    "opinion": "Judge, not corrected",
}


def outcome(result: Mapping[str, Any], opened: int | None) -> Markup:
    """The whole outcome."""
    first, second = (one["name"] for one in result["models"])
    shown = [
        [
            f"{pair['row']:,}" if pair["row"] is not None else "your vote",
            pair["prompt"],
            pair["first"],
            pair["second"],
            _judged(pair, is_scored=_is_scored(result)),
        ]
        for pair in result["pairs"]
    ]
    return html(
        "jobs/judged",
        result=result,
        verdict=_told(result),
        second=second,
        bars=bars(result),
        facts=_facts(result),
        head=["Row", "Prompt", first, second, f"{second}, judged"],
        pairs=shown,
        looks=verdicts.openings_line(opened) if opened and result["dataset"] else "",
    )


def brief(job: Job) -> Markup:
    """A judgement beside the verdict of the result that it is about."""
    result = job.result or {}
    return html(
        "jobs/judged_brief",
        job=job,
        result=result,
        verdict=_told(result),
        first=result["models"][0]["name"],
        second=result["models"][1]["name"],
        bars=bars(result),
    )


def lately(found: Sequence[Job]) -> Markup:
    """Judgements beside the tally of votes; empty without any."""
    return html("votes/judged", jobs=found) if found else Markup("")


def offer(first: str, second: str, data: str) -> Markup:
    """How to let a judge compare a result with the model before it, on this dataset; "" for the form's own."""
    return html("jobs/judge_offer", first=first, second=second, data=data)


def bars(result: Mapping[str, Any]) -> list[tuple[str, Mapping[str, float]]]:
    """The win rates of the second model, by what they rest on; what to go by comes first."""
    together, judged, voted = result["calibrated"], result["judged"], result["voted"]
    found = {
        "calibrated": together and together["rate"],
        "votes": voted and voted["votes"],
        "opinion": (judged or voted or {}).get("rate"),
    }
    first = result["headline"]
    return [(RATES[key], found[key]) for key in sorted(found, key=lambda one: one != first) if found[key]]


def _told(result: Mapping[str, Any]) -> dict[str, str]:
    """The headline as verdicts have it; an opinion has no colour."""
    return {"verdict": result["verdict"] or "", "claim": result["claim"], "sentence": result["sentence"]}


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    judge = result["judge"]
    if _is_scored(result):
        return [("Judge", f"the reward model “{judge['model']}”")]
    return [("Judge", f"{judge['model']} at {judge['host']}"), ("What makes an answer better", judge["criteria"])]


def _is_scored(result: Mapping[str, Any]) -> bool:
    return bool(result["judge"].get("kind") == "reward_model")


def _judged(pair: Mapping[str, Any], *, is_scored: bool) -> str:
    """The outcome for the second model; with scores, its own comes first."""
    if not is_scored:
        return OUTCOMES[pair["outcome"]]
    first, second = (f"{one:+.2f}".replace("-", "−") for one in pair.get("scores", (0, 0)))
    return BY_SCORE[pair["outcome"]] + (f" ({second} to {first})" if "scores" in pair else "")
