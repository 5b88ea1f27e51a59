"""All settings of a job in words: models and data with their versions, the recipe, and what differs from the advice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from storage.job_inputs import Input, Inputs
from storage.models import BaseModelRow, Dataset, Job
from storage.runs import advice
from storage.runs.advice import Advice
from templates import registry
from templates.continuation import WORDS
from templates.mix import Mix
from templates.recipe import Recipe
from templates.roles import Role
from templates.spec import Params

ROLES = {
    Role.BASE: "Base model",
    Role.MODEL: "Model",
    Role.REWARD: "Reward model",
    Role.TRAINING: "Data",
    Role.HELD_OUT: "Data",
}
"""Titles of roles whose own names would say less."""
PRECISIONS = {"none": "full precision", "int8": "8-bit (int8)", "nf4": "4-bit (nf4)"}
SHORT = 12


@dataclass(frozen=True)
class Setting:
    """One choice or parameter of a job."""

    key: str
    title: str
    value: str
    advised: str | None = None
    """The advised value, where another one was used."""
    is_parameter: bool = False
    """A parameter of the recipe or of the decoding; otherwise a choice, such as the data."""


def of(job: Job, inputs: Inputs) -> list[Setting]:
    """Every choice and parameter of the job, the choices first."""
    recipe = recipe_of(job)
    found = _recipe_choices(recipe) if recipe else []
    found += _of_inputs(inputs)
    if how := job.spec.get("continued"):
        found.append(Setting("continue_from", "Goes on", WORDS.get(how, str(how))))
    if told := job.spec.get("mix"):
        found += _mixed(Mix.model_validate(told), inputs)
    if service := job.spec.get("endpoint"):
        found += [Setting("endpoint", "Address", service["url"]), Setting("endpoint_model", "Model", service["model"])]
    if job.spec.get("filters"):
        found.append(Setting("filters", "Filters", _filters(job.spec["filters"])))
    if "suite" in job.spec:
        found.append(Setting("suite", "Suite", str(job.spec["suite"])))
    instruction = recipe.instruction if recipe else job.spec.get("instruction")
    if instruction is not None:
        found.append(Setting("instruction", "Instruction", instruction or "none"))
    if recipe:
        return found + _parameters(recipe, advice.of(recipe, inputs))
    declared = registry.job_kind(job.kind).params
    return found + (_declared(declared, job.spec.get("params") or {}, {}) if declared else [])


def _mixed(told: Mix, inputs: Inputs) -> list[Setting]:
    """The weights of the task's datasets, and the shares of the replayed ones."""
    found = []
    if len(inputs.all(Role.TRAINING)) > 1:
        names = [one.name for one in inputs.all(Role.TRAINING)]
        weights = [f"{name} {weight:g}" for name, weight in zip(names, told.weights, strict=bool(told.weights))]
        found.append(Setting("weights", "Weights", ", ".join(weights) or "each row once"))
    if told.replayed:
        replayed = zip(inputs.all(Role.REPLAY), told.replayed, strict=True)
        found.append(Setting("replay_share", "Replayed share", ", ".join(f"{one.name} {x:g}" for one, x in replayed)))
    return found


def _filters(picked: Mapping[str, Mapping[str, Any]]) -> str:
    """Each filter with its settings."""
    settings = {key: ", ".join(f"{name} {value}" for name, value in own.items()) for key, own in picked.items()}
    return "; ".join(f"{key} ({own})" if own else key for key, own in settings.items())


def recipe_of(job: Job) -> Recipe | None:
    """The recipe of a job that has one."""
    return Recipe.model_validate(job.spec["recipe"]) if "recipe" in job.spec else None


def _recipe_choices(recipe: Recipe) -> list[Setting]:
    goal, method = registry.objectives().get(recipe.objective), registry.methods().get(recipe.method)
    return [
        Setting("objective", "Goal", goal.title if goal else recipe.objective),
        Setting("method", "Method", method.title if method else recipe.method),
        Setting("quantization", "Precision of the frozen base", PRECISIONS[recipe.quantization]),
    ]


def _of_inputs(inputs: Inputs) -> list[Setting]:
    """One setting per role; several inputs of a role are listed together."""
    by_role: dict[Role, list[str]] = {}
    for one in inputs:
        by_role.setdefault(one.role, []).append(named(one))
    return [
        Setting(str(role), ROLES.get(role, role.replace("_", " ").capitalize()), "; ".join(names))
        for role, names in by_role.items()
    ]


def named(one: Input) -> str:
    """An input's name and version: the start of the hash of its rows, weights or files."""
    thing = one.thing
    name, deleted, _ = thing.name.partition(" (deleted ")
    if isinstance(thing, Dataset):
        version = f"{thing.n_rows - thing.n_held_out:,} + {thing.n_held_out:,} held-out rows, {thing.sha256[:SHORT]}"
    elif isinstance(thing, BaseModelRow):
        version = f"revision {thing.revision[:SHORT]}"
    else:
        version = f"weights {str(thing.facts.get('weights_sha256', thing.manifest_sha256))[:SHORT]}"
    gone = ", deleted" if deleted or thing.deleted_at is not None else ""
    return f"{name} ({version}{gone})"


def _parameters(recipe: Recipe, advised: Advice | None) -> list[Setting]:
    told = advised.recipe if advised else recipe
    goal, method = registry.objectives().get(recipe.objective), registry.methods().get(recipe.method)
    return [
        *_declared(goal.params if goal else None, recipe.objective_params, told.objective_params),
        *_declared(method.params if method else None, recipe.method_params, told.method_params),
    ]


def _declared(params: type[Params] | None, values: Mapping[str, Any], advised: Mapping[str, Any]) -> list[Setting]:
    known: Mapping[str, FieldInfo] = params.model_fields if params else {}
    return [
        Setting(
            name,
            titled(name, known.get(name)),
            shown(value),
            shown(advised[name]) if name in advised and advised[name] != value else None,
            is_parameter=True,
        )
        for name, value in values.items()
    ]


def titled(name: str, info: FieldInfo | None) -> str:
    """A parameter's title and unit; one that is no longer declared has only its name."""
    if info is None:
        return name
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return f"{info.title or name} ({extra['unit']})" if extra.get("unit") else info.title or name


def shown(value: Any) -> str:
    """A parameter's value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(shown(item) for item in value) or "none"
    return "none" if value is None or value == "" else f"{value:,}" if isinstance(value, int) else str(value)
