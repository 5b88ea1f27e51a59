"""Keeps the training form's choices in the page's address, so that a reload shows them again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from app.pages import choices, goals, train_mix
from app.pages.filled import PRECISION, Filled
from app.pages.who import acting, asked
from storage.data import datasets
from storage.models import Dataset
from storage.planning import continuations, reward_models, teachers
from templates import registry
from templates.continuation import CHOICES

KEEP_JS = "(kept) => { if (kept) window.studioKeep(JSON.parse(kept)) }"
"""Writes what `written` returned into the address."""

NAME_JS = "(name, proposed) => window.studioKeep({name: name === proposed ? '' : name})"


def settings_js(names: Sequence[str], advised: Mapping[str, Any]) -> str:
    """Writes the settings that differ from the advice; takes the values of the components in the order of `names`.

    The browser does it alone: an event would be lost if the form is redrawn meanwhile.
    """
    return f"""(...values) => {{
  const names = {json.dumps(list(names))}, advised = {json.dumps(dict(advised))};
  const differs = ([name, value]) => JSON.stringify(value) !== JSON.stringify(advised[name]);  // a value may be a list
  const typed = names.map((name, i) => [name, values[i]]).filter(differs);
  window.studioKeep({{settings: typed.length ? JSON.stringify(Object.fromEntries(typed)) : ''}});
}}"""


def written(request: gr.Request, form: Filled, name: str, proposed: str) -> list[Any]:
    """The parameters of the address, as JSON: the choices, and what was typed over the advice."""
    typed = json.dumps(form.typed(), separators=(",", ":")) if form.typed() else ""
    user = acting(request)
    own = continuations.start(user, form.base).instruction_for(datasets.get(user, form.data))
    kept = {
        "data": form.data,
        "base": form.base,
        "objective": form.objective,
        "goal": "",  # older addresses name the objective so
        "method": form.method,
        "effort": form.effort,
        "continue": form.continue_from if form.continue_from != "advised" else "",
        "teacher": form.teacher if teachers.needed(form.objective) else "",
        "reward": form.reward if reward_models.taken(form.objective) else "",
        **train_mix.in_address(form),
        "settings": typed,
        "instruction": json.dumps(form.instruction) if (form.instruction or "") != own else "",
        "from": "",  # the job that filled in the form: from now on, the form stands for itself
        "name": name if name != proposed else "",
    }
    return [gr.skip(), json.dumps(kept)]


def read(request: gr.Request, form: Filled, dataset: Dataset) -> Filled:
    """The form with the choices of the address that still fit; the others stay as advised."""
    efforts = [key for _, key in choices.efforts()]
    if (objective := _objective(request)) in goals.objectives(dataset):
        form = replace(form, objective=objective, method=registry.objective(objective).advised_method)
    if (method := asked(request, "method")) in [key for _, key in choices.ways(form.objective, experts=True)]:
        form = replace(form, method=method)
    if (effort := asked(request, "effort")) in efforts:
        form = replace(form, effort=effort)
    if (way := asked(request, "continue")) in CHOICES:
        form = replace(form, continue_from=way)
    if teacher := asked(request, "teacher"):
        form = replace(form, teacher=teacher)
    if reward := asked(request, "reward"):
        form = replace(form, reward=reward)
    given = {key: asked(request, key) for key in train_mix.in_address(form)}
    form = replace(form, **train_mix.of_address(given))
    if instruction := asked(request, "instruction"):
        form = replace(form, instruction=_instruction(instruction))
    typed = _settings(asked(request, "settings"), form)
    return replace(form, kept={form.pair: typed}) if typed else form


def _objective(request: gr.Request) -> str:
    """What the address names as objective, or the first way to what it names as goal."""
    named = asked(request, "objective") or asked(request, "goal")
    return registry.ways_to(named)[0].key if named in registry.goals() else named


def _instruction(text: str) -> str | None:
    """The instruction that was written into the address; None, the data's own, for anything else."""
    try:
        given = json.loads(text)
    except ValueError:
        return None
    return given if isinstance(given, str) else None


def _settings(text: str, form: Filled) -> Mapping[str, Any]:
    """The typed settings that this objective and method have; whoever made the link, the form checks the values."""
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(given, dict):
        return {}
    able = {PRECISION, *choices.setting_names(form.objective, form.method)}
    return {name: value for name, value in given.items() if name in able and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    """Whether a component may hold the value: one, or a list of words or numbers."""
    if isinstance(value, list):
        return all(isinstance(one, str | int | float) for one in value)
    return value is None or isinstance(value, str | int | float | bool)
