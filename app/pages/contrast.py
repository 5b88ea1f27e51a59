"""On the page of a training that had a teacher: the same training without it, with one click, and both compared."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app.markup import html
from app.pages import job_words, layout
from app.pages.alerts import CLEAR, guarded, in_turn
from app.pages.who import acting
from app.turns import ROWS
from storage import job_inputs
from storage.jobs import jobs
from storage.models import Job, JobState
from storage.planning import contrasts


def draw() -> gr.Button:
    """The button, out of sight."""
    return gr.Button("Run the same without a teacher", size="sm", visible=False, elem_id="run-contrast")


def let_run(
    opened: list[Any], drawn: tuple[gr.Button, gr.HTML], alert: gr.HTML, subject: gr.Textbox, following: gr.Textbox
) -> None:
    """Show the button and the words about it after each of the events `opened`, if there is a contrast to run or to
    compare with."""
    button, words = drawn
    for event in opened:
        event(guarded(3)(show), subject, [alert, button, words], show_progress="hidden")
    queued = button.click(in_turn(2, lane=ROWS)(run), subject, [alert, following])
    queued.then(None, following, None, js=layout.GO_JS)


def show(request: gr.Request, subject: str) -> list[Any]:
    """Whether a contrast can be run, and how it stands with one that was."""
    if not subject:
        return [gr.skip(), gr.update(visible=False), ""]
    user = acting(request)
    job = jobs.get(user, subject)
    if with_teacher := contrasts.taught(user, job):
        return [gr.skip(), gr.update(visible=False), _pair(job, with_teacher, of=with_teacher)]
    if without := contrasts.of(user, job):
        return [gr.skip(), gr.update(visible=False), _pair(without, job, of=without)]
    plain = contrasts.objective(job, job_inputs.of_job(job.id))
    offer = html("jobs/contrast_offer", goal=plain.title) if plain else Markup("")
    return [gr.skip(), gr.update(visible=plain is not None), offer]


def run(request: gr.Request, subject: str) -> tuple[str, str]:
    """Queue the contrast, and lead to it."""
    user = acting(request)
    made = contrasts.submit(user, jobs.get(user, subject))
    return CLEAR, f"jobs?job={quote(made.id)}"


def _pair(without: Job, with_teacher: Job, *, of: Job) -> Markup:
    """The other job of the pair, and the way to compare both once they have ended well."""
    ended = all(job.state == JobState.SUCCEEDED for job in (without, with_teacher))
    both = f"runs?ids={quote(without.id)},{quote(with_teacher.id)}"
    return html(
        "jobs/contrast",
        other=of,
        is_taught=of is with_teacher,
        state=job_words.state(of),
        compare=both if ended else "",
    )
