"""The training form filled in with an earlier job's choices and settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app import forms
from app.markup import html
from app.pages import choices, goals, train_form, train_mix
from app.pages.filled import PRECISION, Filled
from app.pages.who import acting, asked
from storage import deleted_names, job_inputs, model_names
from storage.bases import base_models
from storage.data import datasets
from storage.gallery import artifacts
from storage.job_inputs import Inputs
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, User, new_id
from storage.planning.continuations import Start
from storage.runs import advice, settings
from templates import capabilities, registry
from templates.continuation import CHOICES
from templates.errors import BadInput, Problem
from templates.mix import Mix
from templates.recipe import Recipe
from templates.roles import Role
from templates.spec import Preset


@dataclass(frozen=True)
class Reopened:
    """The form, and what could not be taken over from the job."""

    form: Filled
    remarks: list[str]


def opened(request: gr.Request) -> list[Any]:
    """The initial Train page: with `?from=JOB` filled in like that job, else with the advice."""
    job_id = asked(request, "from")
    if not job_id:
        return train_form.opened(request)
    user = acting(request)
    job = jobs.get(user, job_id)
    found = reopened(user, job)
    if found is None:
        return train_form.opened(request)
    name = model_names.free(user, job.name[:60])
    told = html("train/reopened", job=job, remarks=found.remarks)
    return [told, gr.update(visible=True), new_id(), name, *train_form.drawn(user, found.form)]


def reopened(user: User, job: Job) -> Reopened | None:
    """The form as this training would fill it in; None if there is no data left to train on.

    Raises `BadInput` for a job of another kind.
    """
    recipe = settings.recipe_of(job)
    if recipe is None:
        what = f"“{job.name}” is a job of the kind {registry.job_kind(job.kind).title}, which this form can't repeat."
        raise BadInput(Problem(what, remedy="Open a training from the list of jobs, or go to Train."))
    inputs, remarks = job_inputs.of_job(job.id), list[str]()
    begins = _start(user, inputs, remarks)
    dataset = _data(user, inputs, recipe, remarks)
    if dataset is None:
        return None
    objective, method = _pair(recipe, dataset, remarks)
    way = str(job.spec.get("continued")) if begins.is_adapter else ""
    way = way if way in CHOICES else "advised"
    models = _teacher(inputs, remarks), _reward(inputs, remarks)
    form = Filled(objective, begins.model.name, dataset.name, method, "balanced", recipe.instruction, way, *models)
    form = replace(form, keep=train_mix.NOTHING)
    if registry.objective(objective).mixes and "mix" in job.spec:
        form = replace(form, **train_mix.of_job(Mix.model_validate(job.spec["mix"]), inputs, remarks))
    if (objective, method) == (recipe.objective, recipe.method):
        form = replace(form, effort=_effort(recipe, begins.root), kept={form.pair: _typed(recipe, remarks)})
    return Reopened(form, remarks)


def _start(user: User, inputs: Inputs, remarks: list[str]) -> Start:
    """What the job started from; if it is gone, the base model that replaced it, or else the first one."""
    wanted = inputs.model(Role.BASE)
    if isinstance(wanted, Artifact) and wanted.deleted_at is None:
        return Start(artifacts.base_of(wanted), wanted)
    return Start(_base(user, wanted, remarks))


def _teacher(inputs: Inputs, remarks: list[str]) -> str:
    """The model that the job learned from; "" if it had none or it is gone, and then the form proposes one."""
    wanted = inputs.model(Role.TEACHER)
    if wanted is None or wanted.deleted_at is None:
        return wanted.name if wanted else ""
    remarks.append(f"The teacher “{deleted_names.original(wanted.name)}” no longer exists; choose another.")
    return ""


def _reward(inputs: Inputs, remarks: list[str]) -> str:
    """The reward model that rewarded the job's answers; "" if it had none or it is gone."""
    wanted = inputs.model(Role.REWARD)
    if wanted is None or wanted.deleted_at is None:
        return wanted.name if wanted else ""
    gone = deleted_names.original(wanted.name)
    remarks.append(f"The reward model “{gone}” no longer exists; choose another, or pick checks.")
    return ""


def _base(user: User, wanted: BaseModelRow | Artifact | None, remarks: list[str]) -> BaseModelRow:
    known = base_models.of_user(user)
    found = next((row for row in known if wanted is not None and row.id == wanted.id), None)
    if found is None:
        origin = wanted.origin if isinstance(wanted, BaseModelRow) else None
        found = next((row for row in known if row.origin == origin), known[0])
        name = wanted.name if wanted else "of this job"
        what = "result" if isinstance(wanted, Artifact) else "base model"
        remarks.append(f"The {what} “{name}” no longer exists, so “{found.name}” is chosen instead.")
    return found


def _data(user: User, inputs: Inputs, recipe: Recipe, remarks: list[str]) -> Dataset | None:
    """The job's data; if it was deleted, the newest that its goal can learn from, else the newest that any goal can."""
    wanted, known = inputs.dataset(Role.TRAINING), datasets.of_user(user)
    found = next((row for row in known if wanted is not None and row.id == wanted.id), None)
    if found is None and known:
        goal = registry.objectives().get(recipe.objective)
        fitting = [row for row in known if goal is not None and row.shape in goal.row_shapes]
        found = fitting[0] if fitting else choices.first_data(user) or known[0]
        name = deleted_names.original(wanted.name) if wanted else "of this job"
        remarks.append(f"The data “{name}” was deleted, so “{found.name}” is chosen instead.")
    return found


def _pair(recipe: Recipe, dataset: Dataset, remarks: list[str]) -> tuple[str, str]:
    """The job's goal and method as far as they can be used; else the advised ones."""
    objective = goals.fitting(recipe.objective, dataset)
    if objective != recipe.objective:
        remarks.append(
            f"The job’s goal ({_title(recipe.objective)}) can’t learn from this data; the advised one is chosen."
        )
        return objective, registry.objective(objective).advised_method
    able = [method.key for method in capabilities.methods_for(registry.objective(recipe.objective))]
    if recipe.method not in able:
        remarks.append(
            f"The job’s method ({recipe.method}) can’t be used for this goal now; the advised one is chosen."
        )
        return recipe.objective, registry.objective(recipe.objective).advised_method
    return recipe.objective, recipe.method


def _title(objective: str) -> str:
    known = registry.objectives().get(objective)
    return known.title if known else objective


def _effort(recipe: Recipe, base: BaseModelRow) -> Preset:
    """The effort whose advice is closest to the recipe."""
    try:
        return advice.nearest(recipe, base_models.facts(base)).effort
    except BadInput:
        return "balanced"  # the form refuses the same choices in words


def _typed(recipe: Recipe, remarks: list[str]) -> dict[str, object]:
    """The job's settings as the form's components hold them, without those that this version no longer has."""
    known = forms.declared(recipe.objective, recipe.method)
    values = {**recipe.objective_params, **recipe.method_params}
    gone = [name for name in values if name not in known]
    if gone:
        remarks.append(f"This version of the studio no longer has the settings {', '.join(gone)}; they are left out.")
    typed = {name: forms.shown(known[name], value) for name, value in values.items() if name in known}
    return {**typed, PRECISION: recipe.quantization}
