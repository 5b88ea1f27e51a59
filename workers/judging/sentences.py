"""A judgement in plain words: what to go by, and what to know of the judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.planning.detectable import FEWEST_GROUPS
from storage.text_tables import cell
from templates import instructions
from templates.quantities import plural

BY_PLACE = "where a judge that reads only the texts would choose it half of the time"
OPINION = "The judge's opinion, not calibrated"
HALF = "Only choices that hold in both orders count; any other counts as half a win."
LEARNED = "Votes on training and selection prompts are left out: a model may have learned them."
VOTE = f"Vote on at least {FEWEST_GROUPS} different prompts in a blind comparison of the two, and judge again"


def sentence(result: Mapping[str, Any]) -> str:
    """The headline; begins with the claim."""
    return {"calibrated": _calibrated, "votes": _votes, "opinion": _opinion}[result["headline"]](result)


def claim(result: Mapping[str, Any]) -> str:
    """What it comes to, in a few words."""
    first, second = _names(result)
    return {
        "better": f"“{second}” is better than “{first}”",
        "worse": f"“{second}” is worse than “{first}”",
        "cant_tell": f"Can't tell whether “{second}” is better than “{first}”",
        None: OPINION,
    }[result["verdict"]]


def _names(result: Mapping[str, Any]) -> tuple[str, str]:
    first, second = (one["name"] for one in result["models"])
    return first, second


def _calibrated(result: Mapping[str, Any]) -> str:
    found, judge = result["calibrated"], result["judge"]["model"]
    _, second = _names(result)
    return (
        f"{claim(result)}: “{second}” wins on {cell(found['rate'])} of prompts like these, as “{judge}” judged "
        f"{plural(found['n_judged'], 'held-out prompt')} in both orders and your {plural(found['n_votes'], 'vote')} "
        f"correct it. By the votes alone: {cell(found['votes'])}."
    )


def _votes(result: Mapping[str, Any]) -> str:
    judge, voted, together = result["judge"]["model"], result["voted"], result["calibrated"]
    _, second = _names(result)
    said = f"{claim(result)}, by your {plural(voted['n'], 'vote')} alone: “{second}” wins on {cell(result['best'])}."
    if together is None:
        return f"{said} “{judge}” judged the same answers only, so it adds nothing to them."
    return (
        f"{said} “{judge}” is no help: it doesn't narrow the interval ({cell(together['rate'])}), because it differs "
        "from you too much or too unevenly."
    )


def _opinion(result: Mapping[str, Any]) -> str:
    judge, judged, voted = result["judge"]["model"], result["judged"], result["voted"]
    _, second = _names(result)
    few = f"You voted on only {plural(voted['n_prompts'], 'prompt')}" if voted else "You have not voted on these two"
    side = judged or voted
    return (
        f"{OPINION}: “{judge}” prefers “{second}” on {cell(side['rate'])} of "
        f"{plural(side['n'], 'prompt')}, ties counted half. {few}, "
        f"so nothing shows how far to trust it, and this is no verdict. {VOTE}."
    )


def remarks(result: Mapping[str, Any], service: list[str]) -> list[str]:
    """What else to know: of the judge, of the prompts, and of what it cost."""
    said = []
    for key, where in (("judged", "held-out prompts"), ("voted", "answers that you voted on")):
        if side := result[key]:
            said += _of_side(side, where, _names(result)[1])
    said += [HALF, LEARNED]
    if voted := result["voted"]:
        agreed = f"The judge says the same as you on {cell(voted['agreement'])} of your {plural(voted['n'], 'vote')}"
        said.append(f"{agreed}: the same winner, or none.")
    if result["calibrated"]:
        said.append(
            "The correction holds as far as the prompts that you voted on are like the held-out ones. Vote on prompts "
            "of the same kind."
        )
    return [*said, *_of_prompts(result), *service]


def _of_side(side: Mapping[str, Any], where: str, second: str) -> list[str]:
    n = side["outcomes"]
    stable = n["won"] + n["lost"] + n["tied"]
    counted = [
        f"{stable:,} held in both orders (won {n['won']:,}, lost {n['lost']:,}, tied {n['tied']:,})",
        f"{n['unstable']:,} changed with the order",
        *([f"{n['unread']:,} got no verdict"] if n["unread"] else []),
        *([f"{n['same']:,} were equal texts"] if n["same"] else []),
    ]
    said = [f"Of {side['n']:,} {where}: {', '.join(counted)}."]
    if (place := side["first_place"]) and not place["low"] <= 0.5 <= place["high"]:
        which = "first" if place["value"] > 0.5 else "second"
        value = place if which == "first" else {k: 1 - place[o] for k, o in _MIRRORED.items()}
        said.append(
            f"On {where}, the judge chose the answer in the {which} place {cell(value)} of the time, {BY_PLACE}."
        )
    if n["unread"]:
        said.append(
            f"{plural(n['unread'], 'pair')} got no verdict: a reply held none, was cut off, or the service refused the "
            "request. Longer judgements (max_judgement_tokens) may help."
        )
    if even := side["at_equal_length"]:
        said.append(f"On {where}, “{second}” would win on {cell(even)} if both answers were equally long.")
    return said


_MIRRORED = {"value": "value", "low": "high", "high": "low"}


def _of_prompts(result: Mapping[str, Any]) -> list[str]:
    found = result["dataset"]
    if not found:
        return []
    said = []
    if result["judged"]["n"] + found["n_unasked"] < found["n_held_out"]:
        said.append(
            f"The first {result['judged']['n'] + found['n_unasked']:,} of {found['n_held_out']:,} held-out rows."
        )
    if found["n_unasked"]:
        said.append(f"{plural(found['n_unasked'], 'prompt')} could not be answered by both models.")
    for one, n in zip(result["models"], found["n_cut"], strict=True):
        if n:
            said.append(f"{plural(n, 'answer')} of “{one['name']}” {'was' if n == 1 else 'were'} cut off.")
    return [*said, *instructions.remarks(found["instruction"])]
