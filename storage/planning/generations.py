"""Generations: a model answers the prompts of a dataset, and the rows become another dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from storage import job_inputs, model_names
from storage.data import dataset_names, datasets
from storage.data.answers import filtering
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, User
from storage.planning import evaluations
from templates import instructions, registry
from templates.errors import Conflict, Problem, refuse
from templates.jobs.generate import GenerateParams
from templates.recipe import problems_of
from templates.roles import Role


def submit(
    user: User,
    *,
    model: str,
    dataset: str,
    name: str,
    instruction: str | None = None,
    filters: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    idem_key: str | None = None,
) -> Job:
    """Queue a job that answers the dataset's prompts, and drops the answers that the `filters` find.

    `settings` are `GenerateParams` and those of the filters.

    Without an `instruction`, the dataset's own is used, or else the one that the model was trained with; ""
    means none.
    Raises `BadInput` with every problem, `NotFound` for an unknown model or dataset.
    """
    asked, prompts = evaluations.find_model(user, model), datasets.get(user, dataset)
    problems = instructions.problems(instruction or "")
    if registry.shape(prompts.shape).messages is None:
        what = f"“{prompts.name}” holds {prompts.shape}, which has no prompts."
        problems.append(Problem(what, field="dataset", remedy="Choose a dataset of prompts or conversations."))
    params, picked, wrong = _settings(filters, settings or {})
    problems += [*wrong, *filtering.misfits(picked, registry.shape(prompts.shape), params.num_return_sequences)]
    refuse(problems)
    if idem_key is None or jobs.with_key(user, idem_key) is None:
        name = _usable_name(user, name)
    return jobs.submit(
        user,
        name=name.strip(),
        kind="generate",
        spec={
            "params": params.model_dump(mode="json"),
            "filters": picked,
            "instruction": _instruction(asked, prompts, instruction),
        },
        inputs=[*job_inputs.of(Role.MODEL, asked), *job_inputs.of(Role.PROMPTS, prompts)],
        idem_key=idem_key,
    )


def _settings(
    filters: Sequence[str], settings: Mapping[str, Any]
) -> tuple[GenerateParams, dict[str, dict[str, Any]], list[Problem]]:
    """The decoding, the picked filters with their settings, and what is wrong with either."""
    picked, problems = filtering.pick(filters, settings)
    decoding = {name: value for name, value in settings.items() if name not in filtering.setting_names()}
    try:
        params = GenerateParams.model_validate(decoding)
    except ValidationError as error:
        return GenerateParams(), picked, [*problems, *problems_of(error)]
    if params.num_return_sequences > 1 and not params.temperature:
        what = "At temperature 0, all answers to a prompt are the same."
        remedy = "Raise the temperature (0.7 is usual), or ask for one answer."
        problems.append(Problem(what, field="num_return_sequences", remedy=remedy))
    return params, picked, problems


def _instruction(model: BaseModelRow | Artifact, prompts: Dataset, given: str | None) -> str:
    if given is not None:
        return given.strip()
    return prompts.instruction or artifacts.instruction_of(model)


def _usable_name(user: User, name: str) -> str:
    usable = dataset_names.usable(user, name)
    if model_names.held_by_job(user, usable, "dataset"):
        what = f"A job that has not ended will use the name “{usable}”."
        raise Conflict(Problem(what, field="name", remedy="Choose another name."))
    return usable
