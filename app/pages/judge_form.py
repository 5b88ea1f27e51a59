"""A form on the page Votes: let a service or a reward model compare two models, corrected by the votes between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import gradio as gr
from pydantic import ValidationError

from app import forms
from app.markup import html
from app.pages import judge_opening, layout, services
from app.pages.alerts import CLEAR, FOCUS_JS, guarded, html_of, titles
from app.pages.judge_opening import VOTES_ALONE
from app.pages.who import acting, asked
from storage.gallery import artifact_lists
from storage.judging import costs, judgements
from storage.models import User
from templates.errors import BadInput, Problem, refuse
from templates.jobs.judge import FOR_A_SERVICE, JudgeParams
from templates.judging import CRITERIA, MAX_CRITERIA_CHARS
from templates.recipe import problems_of
from templates.service import ServiceParams
from templates.spec import Params

TITLE = "Let a judge compare two models"
NOTE = (
    "A judge compares hundreds of answers while you vote on a few. Where you voted on the same two models, it judges "
    "those answers, too, and how far it differs from you corrects its win rate."
)
NO_REWARD_MODEL = "You have no reward model yet. Train one on pairs of a chosen and a rejected answer."
SENT = "Prompts and both answers are sent to this address, without the models’ names."
REWARD, SERVICE = "reward", "service"
WAYS = [("A reward model of mine", REWARD), ("A service at an address", SERVICE)]


@dataclass(frozen=True)
class Form:
    """The form's components."""

    fold: gr.Accordion
    judged: gr.Dropdown
    against: gr.Dropdown
    data: gr.Dropdown
    way: gr.Radio
    of_mine: gr.Column
    reward: gr.Dropdown
    no_reward: gr.HTML
    of_service: gr.Column
    url: gr.Textbox
    named: gr.Textbox
    key: gr.Textbox
    allowed: gr.HTML
    criteria: gr.Textbox
    settings: dict[str, Any]
    cost: gr.HTML
    start: gr.Button

    @property
    def costed(self) -> list[Any]:
        """What the cost depends on."""
        shown = [self.settings["most_prompts"], self.settings["max_new_tokens"]]
        return [self.judged, self.against, self.data, self.way, self.reward, *shown]


def draw(demo: gr.Blocks, alert: gr.HTML, following: gr.Textbox) -> None:
    """The form; its button leads to the job."""
    form = _draw()
    parts = [form.of_mine, form.of_service]
    offered = [alert, form.fold, form.judged, form.against, form.data, form.way, form.reward, form.no_reward]
    offered += [form.url, form.named, form.allowed, *parts, form.cost]
    demo.load(guarded(len(offered))(offer), None, offered, show_progress="hidden")
    form.way.input(switched, form.way, parts, queue=False, show_progress="hidden")
    counted = [alert, form.cost]
    form.fold.expand(guarded(2)(unfolded), form.costed, counted, show_progress="hidden")
    changes = [one.input for one in form.costed]
    gr.on(changes, guarded(2)(cost), form.costed, counted, show_progress="hidden", trigger_mode="always_last")
    sent_with = [form.judged, form.against, form.data, form.way, form.reward, form.url, form.named, form.key]
    sent_with += [form.criteria, *form.settings.values()]
    sent = form.start.click(guarded(2)(start), sent_with, [alert, following], show_progress_on=alert)
    sent.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def _draw() -> Form:
    made = dict[str, Any]()
    with gr.Accordion(TITLE, open=False, visible=False, elem_id="judge-fold") as fold:
        gr.HTML(html("quiet", words=NOTE))
        with gr.Row():
            judged = gr.Dropdown([], label="Model", min_width=200, elem_id="judge-second")
            against = gr.Dropdown([], label="Against", min_width=200, elem_id="judge-first")
            data = gr.Dropdown([], label="On the held-out prompts of", min_width=200, elem_id="judge-data")
        way = gr.Radio(WAYS, value=REWARD, label="Judge", elem_id="judge-way")
        with gr.Column() as of_mine:
            no_reward = gr.HTML()
            reward = gr.Dropdown([], label="Reward model", elem_id="judge-reward")
        with gr.Column(visible=False) as of_service:
            service = _service()
            with gr.Accordion("Patience and prices", open=False):
                made |= _row(JudgeParams, FOR_A_SERVICE) | _row(ServiceParams, ServiceParams.model_fields)
        made |= _row(JudgeParams, [name for name in JudgeParams.model_fields if name not in FOR_A_SERVICE])
        cost_line = gr.HTML(elem_id="judge-cost")
        with gr.Row(elem_classes="ways"):
            begin = gr.Button("Let it judge", variant="primary", scale=0, min_width=160, elem_id="judge-start")
    choices = (judged, against, data, way, of_mine, reward, no_reward, of_service)
    parts: list[Any] = [*choices, *service, made, cost_line, begin]
    return Form(fold, *parts)


def _service() -> list[Any]:
    """Address, model, key, what is allowed, and what makes an answer better."""
    boxes = services.address("judge-url", "judge-named", "judge-key")
    allowed = gr.HTML()
    criteria = gr.Textbox(
        label="What makes an answer better",
        placeholder=CRITERIA,
        max_length=MAX_CRITERIA_CHARS,
        max_lines=4,
        elem_id="judge-criteria",
    )
    return [*boxes, allowed, criteria]


def _row(params: type[Params], names: Iterable[str]) -> dict[str, Any]:
    """These settings side by side."""
    known = params.model_fields
    with gr.Row():
        return {name: forms.component(name, known[name], known[name].default) for name in names}


def offer(request: gr.Request) -> list[Any]:
    """Models (those with votes first), data, and judges to choose from; the address may name `model`, `against`, and
    `data`."""
    user = acting(request)
    models, names = judge_opening.models(user), [VOTES_ALONE, *judge_opening.with_held_out(user)]
    opening = judge_opening.of(user, request, names)
    mine = list(artifact_lists.reward_model_names(user))
    way, last = REWARD if mine else SERVICE, judge_opening.last_service(user)
    is_open = len(models) > 1 and bool(asked(request, "model"))
    link = "" if mine else layout.empty(NO_REWARD_MODEL, "train?objective=reward", "Train a reward model")
    most, longest = (JudgeParams.model_fields[name].default for name in ("most_prompts", "max_new_tokens"))
    chosen = (opening.judged, opening.against, opening.data, way, mine[0] if mine else None)
    return [
        html_of(BadInput(*opening.problems)) if opening.problems else gr.skip(),
        gr.update(visible=len(models) > 1, open=is_open),
        gr.update(choices=models, value=opening.judged),
        gr.update(choices=models, value=opening.against),
        gr.update(choices=[(one or "nothing: judge only my votes", one) for one in names], value=opening.data),
        way,
        gr.update(choices=mine, value=mine[0] if mine else None, visible=bool(mine)),
        link,
        last.get("url", ""),
        last.get("model", ""),
        services.where(user, SENT),
        *switched(way),
        _cost(user, *chosen, most, longest) if is_open else "",  # else it is counted once the form unfolds
    ]


def switched(way: str) -> list[Any]:
    """The parts for this kind of judge."""
    return [gr.update(visible=way == REWARD), gr.update(visible=way == SERVICE)]


def cost(
    request: gr.Request, judged: str, against: str, data: str, way: str, reward: str | None, *limits: float | None
) -> list[Any]:
    """No alert any more, and what the judgement would take."""
    return [CLEAR, _cost(acting(request), judged, against, data, way, reward, *limits)]


def unfolded(request: gr.Request, *choices: Any) -> list[Any]:
    """What the judgement would take; an alert about the address stays."""
    return [gr.skip(), cost(request, *choices)[1]]


def _cost(
    user: User,
    judged: str,
    against: str,
    data: str,
    way: str,
    reward: str | None,
    most: float | None,
    longest: float | None,
) -> Any:
    if not judged or not against or judged == against:
        return html("plain", words="Choose two different models.")
    if most is None or longest is None:
        return ""
    by = reward if way == REWARD else None
    if way == REWARD and not by:
        return ""  # the form says so above
    try:
        limits = JudgeParams.model_validate({"most_prompts": most, "max_new_tokens": longest})
    except ValidationError as error:
        known = titles()
        wrong = [f"{known.get(str(one.field), one.field)}: {one.message}" for one in problems_of(error)]
        return html("votes/made", sentences=wrong)
    given = limits.model_dump(include={"most_prompts", "max_new_tokens"})
    found = costs.of(user, against, judged, dataset=data or None, reward_model=by, **given)
    return html("votes/made", sentences=found.sentences)


def start(
    request: gr.Request,
    judged: str,
    against: str,
    data: str,
    way: str,
    reward: str | None,
    url: str,
    named: str,
    key: str,
    criteria: str,
    *values: Any,
) -> tuple[str, str]:
    """Submit the job, and go to it; a typed key is stored if nothing is wrong."""
    user, is_service = acting(request), way == SERVICE
    given = dict(zip(_settings(), values, strict=True))
    given = {name: value for name, value in given.items() if is_service or name not in _of_service()}
    refuse(
        [Problem("is empty.", field=name, remedy="Type a number.") for name, value in given.items() if value is None]
    )
    job = judgements.submit(
        user,
        models=[against or "", judged or ""],
        endpoint=(url or " ") if is_service else None,
        endpoint_model=named if is_service else None,
        api_key=key if is_service else None,
        reward_model=None if is_service else reward or "",
        criteria=criteria if is_service else None,
        dataset=data or None,
        settings=given,
    )
    return CLEAR, f"jobs?job={quote(job.id)}"


def _of_service() -> set[str]:
    return {*FOR_A_SERVICE, *ServiceParams.model_fields}


def _settings() -> list[str]:
    """The names of all settings, in the form's order."""
    return [
        *FOR_A_SERVICE,
        *ServiceParams.model_fields,
        *(n for n in JudgeParams.model_fields if n not in FOR_A_SERVICE),
    ]
