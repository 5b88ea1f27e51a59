"""A form on a dataset's page: let a model of the studio or a service answer its prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import gradio as gr
from pydantic.fields import FieldInfo

from app import forms
from app.markup import html
from app.pages import layout, services
from app.pages.alerts import CLEAR, FOCUS_JS, guarded
from app.pages.who import acting
from storage.bases import base_models
from storage.data import datasets
from storage.data.answers.answer_filter import AnswerFilter, filters
from storage.gallery import artifact_lists
from storage.planning import generations
from templates import registry
from templates.errors import Problem, refuse
from templates.jobs.generate import GenerateParams
from templates.service import ServiceParams
from templates.spec import Params

NOTE = "The prompts and the answers become a new dataset; this one stays as it is."
SENT = "The prompts and the instruction are sent to this address."
MODEL, SERVICE = "model", "service"
WAYS = [("A model of this studio", MODEL), ("A service at an address", SERVICE)]
USUAL_TEMPERATURE = 0.7


def _settings() -> dict[str, FieldInfo]:
    """All settings by name: decoding, the service's, the filters'."""
    declared: list[type[Params]] = [GenerateParams, ServiceParams, *(one.params for one in filters().values())]
    return {name: info for params in declared for name, info in params.model_fields.items()}


@dataclass(frozen=True)
class Form:
    """The form's components."""

    fold: gr.Accordion
    way: gr.Radio
    of_studio: gr.Column
    of_service: gr.Column
    allowed: gr.HTML
    model: gr.Dropdown
    url: gr.Textbox
    named: gr.Textbox
    key: gr.Textbox
    name: gr.Textbox
    picked: gr.CheckboxGroup
    own: dict[str, gr.Row]
    """The row with a filter's settings, by its key."""
    settings: dict[str, Any]
    start: gr.Button

    @property
    def asked(self) -> list[Any]:
        """What `answer` reads after the page's subject."""
        return [self.way, self.model, self.url, self.named, self.key, self.name, self.picked, *self.settings.values()]


def draw(opened: Any, alert: gr.HTML, subject: gr.Textbox, following: gr.Textbox) -> None:
    """The form, shown once a dataset with prompts is open; its button leads to the job."""
    form = _draw()
    offered = [alert, form.fold, form.model, form.name, form.picked, form.allowed]
    opened.success(guarded(len(offered))(offer), subject, offered, show_progress="hidden")
    form.way.input(switched, form.way, [form.of_studio, form.of_service], queue=False, show_progress="hidden")
    form.picked.input(
        _unfolder(list(form.own)), form.picked, list(form.own.values()), queue=False, show_progress="hidden"
    )
    several, temperature = form.settings["num_return_sequences"], form.settings["temperature"]
    several.blur(warmer, [several, temperature], temperature, queue=False, show_progress="hidden")
    sent = form.start.click(guarded(2)(answer), [subject, *form.asked], [alert, following], show_progress_on=alert)
    sent.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def _draw() -> Form:
    known, made = _settings(), dict[str, Any]()

    def row(params: type[Params], *, folded: bool = False) -> None:
        names = [name for name, info in params.model_fields.items() if forms.is_folded(info) is folded]
        with gr.Row():
            for name in names:
                made[name] = forms.component(name, known[name], known[name].default)

    with gr.Accordion("Answer these prompts with a model", open=False, visible=False, elem_id="answer-fold") as fold:
        gr.HTML(html("quiet", words=NOTE))
        way = gr.Radio(WAYS, value=MODEL, label="Who answers", elem_id="answer-way")
        with gr.Row():
            with gr.Column(min_width=200) as of_studio:
                model = gr.Dropdown([], label="Model", elem_id="answer-model")
            name = gr.Textbox(label="Name of the new dataset", max_length=64, min_width=200, elem_id="answer-name")
        with gr.Column(visible=False) as of_service:
            url, named, key = services.address("answer-url", "answer-endpoint-model", "answer-key")
            allowed = gr.HTML()
            row(ServiceParams)
            with gr.Accordion("Patience and prices", open=False):
                row(ServiceParams, folded=True)
        row(GenerateParams)
        with gr.Accordion("More settings", open=False):
            row(GenerateParams, folded=True)
        picked = gr.CheckboxGroup(
            [], label="Answers to drop", info="Dropped answers are kept with the reason.", elem_id="answer-filters"
        )
        own = {}
        for filter_key, one in filters().items():
            if one.params.model_fields:
                with gr.Group(visible=False) as own[filter_key]:
                    row(one.params, folded=True)
        start = gr.Button("Answer the prompts", size="sm", elem_id="answer-start")
    ordered = {setting: made[setting] for setting in known}
    return Form(fold, way, of_studio, of_service, allowed, model, url, named, key, name, picked, own, ordered, start)


def offer(request: gr.Request, subject: str) -> list[Any]:
    """The models and filters to choose from; nothing for a new file or a dataset without prompts."""
    kind, _, key = subject.partition(":")
    user = acting(request)
    if kind != "data" or registry.shape((dataset := datasets.get(user, key)).shape).messages is None:
        return [gr.skip(), gr.update(visible=False), *[gr.skip()] * 4]
    names = [row.name for row in base_models.of_user(user)] + list(artifact_lists.model_names(user))
    able = {
        key: one
        for key, one in filters().items()
        if registry.shape(dataset.shape).has_answers or not one.needs_expected
    }
    return [
        gr.skip(),
        gr.update(visible=True),
        gr.update(choices=names, value=names[0]),
        f"{dataset.name[:56]}-answers",
        gr.update(
            choices=[(_title(one), key) for key, one in able.items()], value=[k for k, v in able.items() if v.advised]
        ),
        services.where(user, SENT),
    ]


def _title(one: AnswerFilter) -> str:
    return f"{one.title} (needs several per prompt)" if one.needs_several else one.title


def switched(way: str) -> list[Any]:
    """The parts for this kind of teacher."""
    return [gr.update(visible=way == MODEL), gr.update(visible=way == SERVICE)]


def _unfolder(keys: list[str]) -> Any:
    """The handler that shows the settings of the picked filters."""

    def unfold(picked: list[str]) -> Any:
        shown = [gr.update(visible=key in picked) for key in keys]
        return shown if len(shown) > 1 else shown[0]

    return unfold


def warmer(n_answers: float | None, temperature: float | None) -> Any:
    """The usual temperature once several answers are wanted, which are all the same at 0."""
    return USUAL_TEMPERATURE if (n_answers or 1) > 1 and not temperature else gr.skip()


def answer(
    request: gr.Request,
    subject: str,
    way: str,
    model: str,
    url: str,
    named: str,
    key: str,
    name: str,
    picked: list[str],
    *values: Any,
) -> tuple[str, str]:
    """Submit the job, and go to it; a typed key is stored if nothing is wrong."""
    user, is_service = acting(request), way == SERVICE
    wanted = set(GenerateParams.model_fields) | (set(ServiceParams.model_fields) if is_service else set())
    wanted |= {name for one in picked for name in filters()[one].params.model_fields}
    given = {name: value for name, value in zip(_settings(), values, strict=True) if name in wanted}
    refuse(
        [Problem("is empty.", field=name, remedy="Type a number.") for name, value in given.items() if value is None]
    )
    job = generations.submit(
        user,
        model=None if is_service else model,
        endpoint=(url or " ") if is_service else None,
        endpoint_model=named if is_service else None,
        api_key=key if is_service else None,
        dataset=subject.partition(":")[2],
        name=name,
        filters=picked,
        settings=given,
    )
    return CLEAR, f"jobs?job={quote(job.id)}"
