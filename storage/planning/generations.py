"""Generations: a model answers the prompts of a dataset, and the rows become another dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from storage import job_inputs, model_names
from storage.data import dataset_names, datasets
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, User
from storage.planning import evaluations
from templates import instructions, registry
from templates.errors import BadInput, Conflict, Problem, refuse
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
    settings: Mapping[str, Any] | None = None,
    idem_key: str | None = None,
) -> Job:
    """Queue a job that answers the dataset's prompts. `settings` are `GenerateParams`.

    Without an `instruction`, the dataset's own is used, or else the one that the model was trained with; ""
    means none.
    Raises `BadInput` with every problem, `NotFound` for an unknown model or dataset.
    """
    asked, prompts = evaluations.find_model(user, model), datasets.get(user, dataset)
    problems = instructions.problems(instruction or "")
    if registry.shape(prompts.shape).messages is None:
        what = f"“{prompts.name}” holds {prompts.shape}, which has no prompts."
        problems.append(Problem(what, field="dataset", remedy="Choose a dataset of prompts or conversations."))
    try:
        params = GenerateParams.model_validate(settings or {})
    except ValidationError as error:
        raise BadInput(*problems, *problems_of(error)) from error
    refuse(problems)
    if idem_key is None or jobs.with_key(user, idem_key) is None:
        name = _usable_name(user, name)
    return jobs.submit(
        user,
        name=name.strip(),
        kind="generate",
        spec={"params": params.model_dump(mode="json"), "instruction": _instruction(asked, prompts, instruction)},
        inputs=[*job_inputs.of(Role.MODEL, asked), *job_inputs.of(Role.PROMPTS, prompts)],
        idem_key=idem_key,
    )


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
