"""A form on a dataset's page: let a model answer its prompts."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr

from app.markup import html
from app.pages import layout
from app.pages.alerts import CLEAR, FOCUS_JS, guarded
from app.pages.who import acting
from storage.bases import base_models
from storage.data import datasets
from storage.gallery import artifact_lists
from storage.planning import generations
from templates import registry
from templates.jobs.generate import GenerateParams

DEFAULTS = GenerateParams()
NOTE = "The prompts and the model’s answers become a new dataset; this one stays as it is."


def draw(opened: Any, alert: gr.HTML, subject: gr.Textbox, following: gr.Textbox) -> None:
    """The form, shown once a dataset with prompts is open; its button leads to the job."""
    with gr.Accordion("Answer these prompts with a model", open=False, visible=False) as fold:
        gr.HTML(html("quiet", words=NOTE))
        with gr.Row():
            model = gr.Dropdown([], label="Model", min_width=140, elem_id="answer-model")
            name = gr.Textbox(label="Name of the new dataset", max_length=64, min_width=160, elem_id="answer-name")
            length = gr.Number(DEFAULTS.max_new_tokens, label="Longest answer (tokens)", precision=0, min_width=110)
            temperature = gr.Number(DEFAULTS.temperature, label="Temperature (0: the likeliest)", min_width=110)
            seed = gr.Number(DEFAULTS.seed, label="Seed", precision=0, min_width=90)
        start = gr.Button("Answer the prompts", size="sm", elem_id="answer-start")
    opened.success(guarded(4)(offer), subject, [alert, fold, model, name], show_progress="hidden")
    asked = [subject, model, name, length, temperature, seed]
    sent = start.click(guarded(2)(answer), asked, [alert, following], show_progress_on=alert)
    sent.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def offer(request: gr.Request, subject: str) -> list[Any]:
    """The models to choose from; nothing for a new file or a dataset without prompts."""
    kind, _, key = subject.partition(":")
    user = acting(request)
    if kind != "data" or registry.shape((dataset := datasets.get(user, key)).shape).messages is None:
        return [gr.skip(), gr.update(visible=False), gr.skip(), gr.skip()]
    names = [row.name for row in base_models.of_user(user)] + list(artifact_lists.model_names(user))
    wanted = f"{dataset.name[:56]}-answers"
    return [gr.skip(), gr.update(visible=True), gr.update(choices=names, value=names[0]), wanted]


def answer(
    request: gr.Request, subject: str, model: str, name: str, length: Any, temperature: Any, seed: Any
) -> tuple[str, str]:
    """Submit the job, and go to it."""
    settings = {"max_new_tokens": length, "temperature": temperature, "seed": seed}
    job = generations.submit(
        acting(request), model=model, dataset=subject.partition(":")[2], name=name, settings=settings
    )
    return CLEAR, f"jobs?job={quote(job.id)}"
