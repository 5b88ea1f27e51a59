"""On the page of a training that learned a teacher's answers: a button that makes a dataset of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr

from app.pages import layout, published
from app.pages.alerts import CLEAR, guarded
from app.pages.who import acting
from storage.data import dataset_names
from storage.data.answers import learned
from storage.jobs import jobs
from storage.models import Artifact, User
from templates.errors import NotFound


def draw() -> gr.Button:
    """The button, out of sight."""
    return gr.Button("Keep the teacher’s answers as data", size="sm", visible=False, elem_id="keep-answers")


def let_keep(opened: list[Any], button: gr.Button, alert: gr.HTML, subject: gr.Textbox, following: gr.Textbox) -> None:
    """Show the button after each of the events `opened` where there are answers; it leads to the dataset."""
    for event in opened:
        event(guarded(2)(show), subject, [alert, button], show_progress="hidden")
    kept = button.click(guarded(2)(keep), subject, [alert, following])
    kept.then(None, following, None, js=layout.GO_JS)


def show(request: gr.Request, subject: str) -> list[Any]:
    """Whether the job's result has answers to keep."""
    found = _result(acting(request), subject) if subject else None
    return [gr.skip(), gr.update(visible=found is not None and learned.of(found) is not None)]


def keep(request: gr.Request, subject: str) -> tuple[str, str]:
    """Make the dataset, under a name that is free."""
    user = acting(request)
    artifact = _result(user, subject)
    if artifact is None:
        raise NotFound("This job’s result no longer exists.", remedy="Run the job again.")
    name = dataset_names.free(user, f"{artifact.name}-answers")
    made = learned.keep(user, artifact.id, name=name)
    return CLEAR, f"data?data={quote(made.name)}"


def _result(user: User, subject: str) -> Artifact | None:
    return published.result_of(user, jobs.get(user, subject))
