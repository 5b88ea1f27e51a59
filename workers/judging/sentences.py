"""A judgement in plain words: what to go by, and what to know of the judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.judging.reward_models import REWARDED
from storage.planning.detectable import FEWEST_GROUPS
from storage.text_tables import cell
from templates import instructions
from templates.quantities import plural

BY_PLACE = "where a judge that reads only the texts would choose it half of the time"
OPINION = "The judge's opinion, not calibrated"
HALF = "Only choices that hold in both orders count; any other counts as half a win."
BY_SCORE = (
    "A reward model scores each answer by itself, so no order can change its choice: every judgement is stable. The "
    "higher score wins; equal scores count as half a win."
)
LEARNED = "Votes on training and selection prompts are left out: a model may have learned them."
VOTE_ON_OTHERS = f"Vote on at least {FEWEST_GROUPS} prompts that it didn't learn, and judge again"
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
    n, n_votes = plural(found["n_judged"], "held-out prompt"), plural(found["n_votes"], "vote")
    judged = f"scored the answers to {n}" if _scores(result) else f"judged {n} in both orders"
    return (
        f"{claim(result)}: “{second}” wins on {cell(found['rate'])} of prompts like these, as “{judge}” {judged} and "
        f"your {n_votes} correct it. By the votes alone: {cell(found['votes'])}."
    )


def _scores(result: Mapping[str, Any]) -> bool:
    """Whether the judge is a reward model."""
    return bool(result["judge"].get("kind") == "reward_model")


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
    side = judged or voted
    few, vote = _few(judge, voted["n_prompts"] if voted else 0, result["judge"].get("n_votes_left_out", 0))
    return (
        f"{OPINION}: “{judge}” prefers “{second}” on {cell(side['rate'])} of "
        f"{plural(side['n'], 'prompt')}, ties counted half. {few}, "
        f"so nothing shows how far to trust it, and this is no verdict. {vote}."
    )


def _few(judge: str, n_prompts: int, n_left_out: int) -> tuple[str, str]:
    """Why there are too few votes, and what to do about it; `n_left_out` are on prompts that the judge learned."""
    if n_left_out:
        left = f"votes on only {plural(n_prompts, 'other prompt')}" if n_prompts else "none"
        return f"“{judge}” learned the prompts of {n_left_out:,} of your votes, which leaves {left}", VOTE_ON_OTHERS
    return f"You voted on only {plural(n_prompts, 'prompt')}" if n_prompts else "You have not voted on these two", VOTE


def remarks(result: Mapping[str, Any], service: list[str]) -> list[str]:
    """What else to know: of the judge, of the prompts, and of what it cost."""
    said = []
    for key, where in (("judged", "held-out prompts"), ("voted", "answers that you voted on")):
        if side := result[key]:
            said += _of_scores(side, where, result) if _scores(result) else _of_side(side, where)
            said += _at_equal_length(side, where, _names(result)[1])
    said += [BY_SCORE if _scores(result) else HALF, LEARNED]
    if voted := result["voted"]:
        agreed = f"The judge says the same as you on {cell(voted['agreement'])} of your {plural(voted['n'], 'vote')}"
        said.append(f"{agreed}: the same winner, or none.")
    if result["calibrated"]:
        said.append(
            "The correction holds as far as the prompts that you voted on are like the held-out ones. Vote on prompts "
            "of the same kind."
        )
    return [*said, *(_of_reward_model(result) if _scores(result) else ()), *_of_prompts(result), *service]


def _of_side(side: Mapping[str, Any], where: str) -> list[str]:
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
    return said


def _at_equal_length(side: Mapping[str, Any], where: str, second: str) -> list[str]:
    even = side["at_equal_length"]
    return [f"On {where}, “{second}” would win on {cell(even)} if both answers were equally long."] if even else []


def _of_scores(side: Mapping[str, Any], where: str, result: Mapping[str, Any]) -> list[str]:
    (first, second), n, judge = _names(result), side["outcomes"], result["judge"]["model"]
    counted = [
        f"“{second}” won {n['won']:,}, lost {n['lost']:,}, tied {n['tied']:,}",
        *([f"{n['unread']:,} could not be scored"] if n["unread"] else []),
        *([f"{n['same']:,} were equal texts"] if n["same"] else []),
    ]
    said = [f"Of {side['n']:,} {where}: {', '.join(counted)}."]
    if n["unread"]:
        said.append(
            f"{plural(n['unread'], 'pair')} could not be scored: longer than “{judge}” reads, or refused by its chat "
            "template. Each counts as half a win."
        )
    base, other = (f"{side['length'][one]['value']:,.0f}" for one in ("base", "adapted"))
    said.append(f"On {where}, “{first}” wrote {base} characters on average, and “{second}” {other}.")
    return said


def _of_reward_model(result: Mapping[str, Any]) -> list[str]:
    """What the reward model learned, where that could favour a model or a prompt, and whether it goes by length."""
    judge, data = result["judge"], result["dataset"]
    name, said = judge["model"], []
    if data and (n := data["n_learned"]):
        said.append(
            f"“{name}” learned {n:,} of the {plural(result['judged']['n'], 'held-out prompt')}, so it may judge these "
            "better than others. Choose prompts that it did not learn."
        )
    if n := judge["n_votes_left_out"]:
        said.append(
            f"{plural(n, 'vote')} {'is' if n == 1 else 'are'} left out, because “{name}” learned their prompts and may "
            "agree with you there more than elsewhere."
        )
    said += [REWARDED.format(model=one, judge=name) for one in judge["rewarded"]]
    for one in judge["shared"]:
        said.append(
            f"“{one['model']}” and “{name}” learned from the same data (“{one['dataset']}”), so “{name}” may favour "
            "what both took from it."
        )
    if judge["deleted"]:
        names = ", ".join(f"“{one}”" for one in judge["deleted"])
        said.append(f"“{name}” also learned from {names}, whose rows were deleted: nobody can tell which prompts.")
    return [*said, *([f"“{name}” on its own held-out pairs: {judge['on_length']}"] if judge["on_length"] else [])]


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
