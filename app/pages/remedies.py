"""On the page of a job whose result forgot something: ways to bring that back, with one click each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from app.markup import html
from app.pages import layout, published, train_mix
from app.pages.alerts import CLEAR, guarded, in_turn
from app.pages.who import acting
from app.turns import ROWS
from storage import model_names
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, User
from storage.planning import intruders, repairs
from templates.errors import NotFound


@dataclass(frozen=True)
class Remedies:
    """The components."""

    repair: gr.Button
    reduce: gr.Button
    words: gr.HTML


def draw() -> tuple[gr.Button, gr.Button]:
    """The buttons, out of sight."""
    return (
        gr.Button("Repair what it forgot", size="sm", visible=False, elem_id="repair"),
        gr.Button("Reduce intruder dimensions", size="sm", visible=False, elem_id="reduce-intruders"),
    )


def let_run(opened: list[Any], drawn: Remedies, alert: gr.HTML, subject: gr.Textbox, following: gr.Textbox) -> None:
    """Show the buttons after each of the events `opened` where general abilities were surely lost."""
    for event in opened:
        event(guarded(4)(show), subject, [alert, drawn.repair, drawn.reduce, drawn.words], show_progress="hidden")
    for button, run in ((drawn.repair, repair), (drawn.reduce, reduce)):
        led = button.click(in_turn(2, lane=ROWS)(run), subject, [alert, following])
        led.then(None, following, None, js=layout.GO_JS)


def show(request: gr.Request, subject: str) -> list[Any]:
    """Whether there is something to bring back, and which ways there are."""
    hidden = [gr.skip(), gr.update(visible=False), gr.update(visible=False), ""]
    user = acting(request)
    found = published.result_of(user, jobs.get(user, subject)) if subject else None
    if found is None or not artifacts.is_model(found) or not _has_lost(found):
        return hidden
    root = artifacts.base_of(found)
    own, can_reduce = repairs.prompts_for(user, root), not intruders.obstacle(found)
    can_repair = not repairs.obstacle(user, found)
    if not (can_repair or can_reduce):
        return hidden
    label = "Repair what it forgot" if own else f"Let {root.name} write prompts for a repair"
    words = html("jobs/remedies", root=root.name, own=own, can_repair=can_repair, can_reduce=can_reduce)
    return [gr.skip(), gr.update(visible=can_repair, value=label), gr.update(visible=can_reduce), words]


def _has_lost(result: Artifact) -> bool:
    """Whether general abilities are surely worse than those of the base at the root, or of what it goes on from."""
    lost = artifacts.model_facts(result).verdict.get("forgotten") or {}
    pair = (lost.get("root") or {}).get("left") or lost.get("mean")
    return pair is not None and pair["difference"]["high"] < 0


def repair(request: gr.Request, subject: str) -> list[Any]:
    """Open the training form filled in; without prompts, let the base write some, and lead to that job."""
    user = acting(request)
    found = _result(user, subject)
    root = artifacts.base_of(found)
    own = repairs.prompts_for(user, root)
    if own is None:
        return train_mix.written(request, root.name)
    task, _ = repairs.learned(user, found)
    asked = {
        "base": found.name,
        "data": task[0].name if task and task[0].deleted_at is None else "",
        "objective": repairs.OBJECTIVE,
        "method": str(artifacts.model_facts(found).recipe.get("method", "")),
        "more": ":".join(one.name for one in task[1:] if one.deleted_at is None),
        "keep": own.name,
    }
    return [CLEAR, f"train?{urlencode({name: value for name, value in asked.items() if value})}"]


def reduce(request: gr.Request, subject: str) -> list[Any]:
    """Queue the reduction, and lead to it."""
    user = acting(request)
    found = _result(user, subject)
    name = model_names.free(user, f"{found.name[: model_names.MAX_CHARS - len(ENDING)]}{ENDING}")
    job = intruders.submit(user, model=found.id, name=name)
    return [CLEAR, f"jobs?{urlencode({'job': job.id})}"]


ENDING = "-reduced"


def _result(user: User, subject: str) -> Artifact:
    found = published.result_of(user, jobs.get(user, subject))
    if found is None:
        raise NotFound("This job’s result no longer exists.", remedy="Run the job again.")
    return found
