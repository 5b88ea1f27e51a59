"""The training form's actions: advise, check, show, launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, cast
from urllib.parse import quote

import gradio as gr

from app import forms
from app.pages import (
    choices,
    goals,
    layout,
    preflight,
    rendered,
    result_name,
    reward_choice,
    stored_data,
    train_address,
    train_mix,
)
from app.pages.alerts import CLEAR, html_of
from app.pages.filled import PRECISION, Filled
from app.pages.who import acting, asked
from storage.bases import proposed
from storage.data import datasets
from storage.gallery import artifact_lists
from storage.models import Dataset, User, new_id
from storage.planning import continuations, figures, teachers, training
from storage.planning.continuations import Continuation, Start
from storage.planning.estimates import Fix
from templates import registry
from templates.continuation import ContinueFrom
from templates.errors import BadInput, NotFound, Problem, StudioError

FIXES = 3
N_DRAWN, N_CHECKED, N_SHOWN = 22, 6 + FIXES, 4
"""Number of outputs of the handlers that redraw the form, check it, and show a row without a teacher's words on it."""


def opened(request: gr.Request) -> list[Any]:
    """The initial page: what the address got wrong, the body, a key and a name, followed by all that `drawn` returns;
    without data, only what to do."""
    user = acting(request)
    first = choices.first_data(user)
    if first is None:
        empty = layout.empty("Training needs data. Drop a file first; it takes one minute.", "data", "Add data ›")
        return [empty, gr.update(visible=False), "", "", CLEAR, *[gr.skip()] * (N_DRAWN - 1)]
    dataset, base, wrong = _named(request, user, first)
    objective = goals.objectives(dataset)[0]
    method = registry.objective(objective).advised_method
    form = train_address.read(request, Filled(objective, base, dataset.name, method), dataset)
    if not asked(request, "base"):
        form = _with_student(user, form)
    name = asked(request, "name") or result_name.proposed(user, dataset.name, form.method)
    # Not in the page's alert, which the first check of the form would clear before anyone has read it.
    replaced = html_of(NotFound(*wrong)) if wrong else CLEAR
    return [replaced, gr.update(visible=True), new_id(), name, *drawn(user, form)]


def _named(request: gr.Request, user: User, first: Dataset) -> tuple[Dataset, str, list[Problem]]:
    """The data and the base that the address names; for what doesn't exist, another, and a problem that says so. A
    reward model that doesn't exist is a problem too."""
    wanted, wrong = asked(request, "data"), list[Problem]()
    dataset = first
    if wanted:
        try:
            dataset = datasets.get(user, wanted)
        except NotFound:
            instead = f"The form opened with “{first.name}” instead; choose other data there."
            wrong.append(Problem(f"There is no dataset “{wanted}”.", remedy=instead))
    advised = proposed.base(user).name
    base = asked(request, "base") or advised
    try:
        base = continuations.start(user, base).model.name
    except NotFound:
        instead = f"The form opened with “{advised}” instead; choose another there."
        wrong.append(Problem(f"There is no base model “{base}”.", remedy=instead))
        base = advised
    reward = asked(request, "reward")
    if reward and reward not in artifact_lists.reward_model_names(user):
        instead = "The form opened without one; choose one, or pick checks."
        wrong.append(Problem(f"There is no reward model “{reward}”.", remedy=instead))
    return dataset, base, wrong


def find_data(request: gr.Request, chosen: str, key: gr.KeyUpData) -> list[Any]:
    """The datasets whose names contain what is typed into the box, as its choices."""
    typed = key.input_value.partition(choices.APART)[0]
    found = choices.data(acting(request), chosen, "" if typed == chosen else typed)
    return [gr.skip(), gr.update(choices=found)]


def drawn(user: User, form: Filled) -> list[Any]:
    """Every choice and setting: as advised, under what was typed for this pair; Launch waits for them."""
    begins, dataset = continuations.start(user, form.base), datasets.get(user, form.data)
    has_prompts = registry.shape(dataset.shape).messages is not None
    form = replace(form, instruction=_instruction(form, begins, dataset) if has_prompts else "")
    form = form if begins.is_adapter else replace(form, continue_from="advised")
    form = replace(form, experts=form.experts or choices.is_expert(form.method))
    form = reward_choice.fitting(user, train_mix.fitting(user, form, begins.model))
    taught_by = choices.teachers(user, form.teacher) if teachers.needed(form.objective) else []
    if taught_by and form.teacher not in {name for _, name in taught_by}:
        form = replace(form, teacher=choices.advised_teacher(user, begins.model, form.method))
    recipe = choices.advised(begins.root, form.objective, form.method, form.effort)
    known = forms.declared(recipe.objective, recipe.method)
    inherited = continuations.inherited(begins, _continuation(form, begins))
    plain = {**recipe.objective_params, **recipe.method_params, **inherited, **reward_choice.advised(form)}
    advised = {name: forms.shown(known[name], value) for name, value in plain.items()}
    advised[PRECISION] = recipe.quantization
    idle = registry.objective(recipe.objective).idle_on(registry.shape(dataset.shape)) | reward_choice.hidden(form)
    advised = {name: value for name, value in advised.items() if name not in idle}
    values = {**advised, **{name: value for name, value in form.kept.get(form.pair, {}).items() if name not in idle}}
    return [
        CLEAR,
        *_chosen(user, form, begins, dataset, taught_by),
        registry.method(recipe.method).page,
        gr.update(visible=bool(taught_by) and has_prompts, interactive=False),  # until the redrawn settings listen
        gr.update(interactive=False),
        asdict(replace(form, base=begins.model.name, values=values, advised=advised, drawing=new_id())),
    ]


def _chosen(
    user: User, form: Filled, begins: Start, dataset: Dataset, taught_by: Sequence[tuple[str, str]]
) -> list[Any]:
    """The components of the first choices, in their order."""
    goal = registry.goal_of(form.objective)
    label, has_prompts = "Student" if taught_by else "Base model", registry.shape(dataset.shape).messages is not None
    return [
        gr.update(choices=goals.of_data(dataset), value=goal),
        gr.update(choices=choices.bases(user, begins.model.name), value=begins.model.name, label=label),
        gr.update(choices=choices.data(user, form.data), value=form.data),
        gr.update(
            choices=choices.ways(form.objective, experts=form.experts),
            value=form.method,
            info=choices.left_out(form.objective) or "",  # None would keep the old one
        ),
        form.effort,
        gr.update(value=form.instruction, visible=has_prompts),
        gr.update(value=form.continue_from, visible=begins.is_adapter),
        gr.update(choices=taught_by, value=form.teacher, visible=True) if taught_by else gr.update(visible=False),
        gr.update(
            choices=goals.ways(goal, dataset),
            value=form.objective,
            info=goals.hint(goal, dataset),
            visible=goals.has_ways(form.objective),
        ),
        reward_choice.drawn(user, form),
        *train_mix.drawn(user, form, begins.model),
    ]


def _instruction(form: Filled, begins: Start, dataset: Dataset) -> str:
    """What was typed for this data, or else the data's own or the one that the result was trained with."""
    return begins.instruction_for(dataset) if form.instruction is None else form.instruction


def _continuation(form: Filled, begins: Start) -> Continuation | None:
    """How the training goes on with the advised settings; None if it can't, which the check says in words."""
    try:
        asked = cast(ContinueFrom, form.continue_from)
        return continuations.decide(begins, form.objective, choices.way(form.method).method, {}, asked)
    except BadInput:
        return None


def aimed(request: gr.Request, form: Filled, before: Filled) -> list[Any]:
    """Switch to another goal: to its first way that takes the data, with the advised method; a base model that was
    only proposed may give way to one that is smaller than its teacher."""
    user = acting(request)
    objective = goals.fitting(form.objective, datasets.get(user, form.data))
    form = replace(form, objective=objective, method=registry.objective(objective).advised_method)
    if form.base == proposed.base(user).name:
        form = _with_student(user, form)
    return drawn(user, replace(form, kept=before.keeping().kept))


def _with_student(user: User, form: Filled) -> Filled:
    """The form with a smaller base model than the one that is proposed, if that one is the best teacher there is."""
    if not teachers.needed(form.objective):
        return form
    return replace(form, base=choices.advised_student(user, form.base))


def turned(request: gr.Request, form: Filled, before: Filled) -> list[Any]:
    """Switch to another way to the same goal; a method that was chosen stays if it works there."""
    was_advised = form.method == registry.objective(before.objective).advised_method
    if was_advised or form.method not in {key for _, key in choices.ways(form.objective, experts=True)}:
        form = replace(form, method=registry.objective(form.objective).advised_method)
    return drawn(acting(request), replace(form, kept=before.keeping().kept))


def chosen(request: gr.Request, form: Filled, before: Filled) -> list[Any]:
    """Switch to another method, with what was typed for it before; or only show those for experts."""
    if form.method == choices.EXPERT:
        form = replace(form, method=before.method, experts=True)
    return drawn(acting(request), replace(form, kept=before.keeping().kept))


def tried(request: gr.Request, form: Filled, before: Filled) -> list[Any]:
    """Switch to another effort: its settings are advised again; other typed values stay."""
    of_efforts = {name for preset in registry.objective(form.objective).presets.values() for name in preset}
    typed = {name: value for name, value in before.typed().items() if name not in of_efforts}
    return drawn(acting(request), replace(form, kept={**before.kept, before.pair: typed}))


def rebased(request: gr.Request, form: Filled, before: Filled) -> list[Any]:
    """Switch the base or the data: typed values stay; the others are advised again."""
    user = acting(request)
    was = continuations.start(user, before.base).instruction_for(datasets.get(user, before.data))
    form = replace(form, kept=before.keeping().kept)
    if form.base != before.base:
        form = replace(form, continue_from="advised")
    if form.data != before.data or form.instruction == was:
        form = replace(form, instruction=None)
    objective = goals.fitting(form.objective, datasets.get(user, form.data))
    if form.objective != objective:
        form = replace(form, objective=objective, method=registry.objective(objective).advised_method)
    return drawn(user, form)


def fixed(request: gr.Request, form: Filled, fix: Mapping[str, Any]) -> list[Any]:
    """The form with an offered change."""
    if fix.get("base"):
        return rebased(request, replace(form, base=fix["base"]), form)
    if fix["method"]:
        form = replace(form.keeping(), method=fix["method"])
        typed = dict(fix["settings"])
    else:
        typed = {**form.typed(), **fix["settings"]}
    return drawn(acting(request), replace(form, kept={**form.kept, form.pair: typed}))


def checked(request: gr.Request, form: Filled) -> list[Any]:
    """The preflight card; changes that would make a job fit that doesn't, or a long one shorter.

    While the rows are being counted, the page says so, greys the card of before, and asks again every second. Under
    wrong settings, no figures: those of before would be read as theirs.
    """
    counted = ["", gr.Timer(active=False)]
    try:
        plan = form.plan(acting(request), patient=False)
    except figures.Counting as error:
        waiting = [preflight.counting(error.share), gr.Timer(active=True)]
        return [CLEAR, gr.skip(), gr.skip(), gr.skip(), *[gr.update(visible=False)] * FIXES, *waiting]
    except training.DoesNotFit as error:
        return [html_of(error), preflight.card_refused(error.estimate), *_offered(error.estimate.advice), *counted]
    except StudioError as error:
        return [html_of(error), preflight.no_estimate(), *_offered(()), *counted]
    return [CLEAR, preflight.card(plan), *_offered(plan.estimate.shorter), *counted]


def _offered(changes: Sequence[Fix]) -> list[Any]:
    """The changes, a new key, and a button for each."""
    offered = changes[:FIXES]
    buttons = [gr.update(value=fix.text, visible=True) for fix in offered]
    hidden = [gr.update(visible=False)] * (FIXES - len(offered))
    return [[fix.model_dump() for fix in offered], new_id(), *buttons, *hidden]


def seen(request: gr.Request, form: Filled, index: float, way: str = "") -> list[Any]:
    """The row at `index`, or where `way` leads from there, as the chosen base model sees it."""
    user = acting(request)
    dataset = datasets.get(user, form.data)
    row, sample = continuations.start(user, form.base).root, rendered.of_dataset(dataset, form.instruction)
    at = rendered.moved(row, sample, int(index), way)
    length = int(form.settings["max_length"])
    return [gr.skip(), at, rendered.row_html(row, sample, at, length, registry.objective(form.objective)), ""]


def cautioned(request: gr.Request, form: Filled) -> list[Any]:
    """A warning if the chosen data would mislead anyone who trains on it."""
    return [gr.skip(), stored_data.caution(request, form.data)]


def launched(request: gr.Request, form: Filled, key: str, name: str) -> tuple[str, str]:
    """Queue the job, and lead to it."""
    user = acting(request)
    job = training.submit(user, form.plan(user), name=name, idem_key=key)
    return CLEAR, f"jobs?job={quote(job.id)}"
