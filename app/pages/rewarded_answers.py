"""What a training rewarded, live and afterwards: a few answers of some steps, with their rewards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from app.formats import count, number
from app.markup import html
from storage.models import JobEvent
from templates.quantities import plural
from templates.rewards import REWARD_MODEL
from templates.verifier import verifiers

KIND = "rewarded"


def block(history: Sequence[JobEvent]) -> Markup:
    """The answers of the latest step, open, and those of the steps before, folded; empty without any."""
    by_step = {int(event.data["step"]): event.data["examples"] for event in history if event.kind == KIND}
    steps = sorted(by_step, reverse=True)
    if not steps:
        return Markup("")
    slow = [event.data.get("too_slow", {}) for event in history if event.kind == KIND][-1]
    shown = [(f"Step {count(step)}", [_row(one) for one in by_step[step]]) for step in steps]
    return html("jobs/rewarded", latest=shown[0], before=shown[1:], too_slow=[_slow(*one) for one in slow.items()])


def _slow(key: str, n: int) -> str:
    known = verifiers()
    title = known[key].title if key in known else key
    counts = "it counts" if n == 1 else "they count"
    return f"So far, the check “{title}” took too long on {plural(n, 'answer')}; {counts} as not passed."


def _row(one: dict[str, Any]) -> dict[str, Any]:
    """An answer for the table: what it is worth, which checks it passed, and the reward model's score."""
    known = verifiers()
    titles = {key: known[key].title if key in known else key for key in one["rewards"]}
    marks = [(titles[key], value) for key, value in one["rewards"].items() if key != REWARD_MODEL]
    score = one["rewards"].get(REWARD_MODEL)
    return {**one, "reward": number(one["reward"]), "marks": marks, "score": None if score is None else number(score)}
