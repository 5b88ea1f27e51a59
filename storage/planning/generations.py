"""Generations: a teacher answers the prompts of a dataset, and the rows become another dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from storage import job_inputs, model_names
from storage.data import dataset_names, datasets
from storage.data.answers import filtering
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, JobInput, User
from storage.planning import evaluations, services
from storage.settings import settings as of_studio
from templates import instructions, registry
from templates.errors import Conflict, Problem, refuse
from templates.jobs.generate import GenerateParams
from templates.recipe import problems_of
from templates.roles import Role
from templates.service import ServiceParams

ASKED = "asked"
"""Folder in the file store with the answers that services gave."""


@dataclass(frozen=True)
class Teacher:
    """Who answers: a model of the studio, or a model behind an address."""

    model: BaseModelRow | Artifact | None
    endpoint: dict[str, Any] = field(default_factory=dict)
    """The service's `url`, `model` and `params`; empty for a model of the studio."""

    @property
    def inputs(self) -> list[JobInput]:
        """It as the job's input."""
        return job_inputs.of(Role.MODEL, self.model) if self.model else []


def submit(
    user: User,
    *,
    dataset: str,
    name: str,
    model: str | None = None,
    endpoint: str | None = None,
    endpoint_model: str | None = None,
    api_key: str | None = None,
    instruction: str | None = None,
    filters: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    idem_key: str | None = None,
) -> Job:
    """Queue a job that answers the dataset's prompts, and drops the answers that the `filters` find.

    The teacher is either a `model` of the studio or the `endpoint_model` at the address `endpoint`. `settings` are
    `GenerateParams` and those of the filters, and `ServiceParams` for an address. Without an `instruction`, the
    dataset's own is used, or else the one that the model was trained with; "" means none. A new `api_key` for the
    service is stored once nothing is wrong.
    Raises `BadInput` with every problem, `NotFound` for an unknown model or dataset, `NotAllowed` for an address.
    """
    prompts, given = datasets.get(user, dataset), dict(settings or {})
    problems = instructions.problems(instruction or "")
    if registry.shape(prompts.shape).messages is None:
        what = f"“{prompts.name}” holds {prompts.shape}, which has no prompts."
        problems.append(Problem(what, field="dataset", remedy="Choose a dataset of prompts or conversations."))
    asks = {name: given.pop(name) for name in ServiceParams.model_fields if name in given and endpoint}
    params, picked, wrong = _settings(filters, given)
    problems += [*wrong, *filtering.misfits(picked, registry.shape(prompts.shape), params.num_return_sequences)]
    teacher, wrong = _teacher(user, model, endpoint, endpoint_model, asks, api_key)
    refuse([*problems, *wrong])
    if idem_key is None or jobs.with_key(user, idem_key) is None:
        name = _usable_name(user, name)
    spec: dict[str, Any] = {
        "params": params.model_dump(mode="json"),
        "filters": picked,
        "instruction": _instruction(teacher.model, prompts, instruction),
    }
    if teacher.endpoint:
        services.keep_key(user, teacher.endpoint, api_key)
        spec["endpoint"] = {**teacher.endpoint, "asked": _same_questions(user, teacher.endpoint, prompts, spec)}
    return jobs.submit(
        user,
        name=name.strip(),
        kind="generate",
        spec=spec,
        inputs=[*teacher.inputs, *job_inputs.of(Role.PROMPTS, prompts)],
        idem_key=idem_key,
    )


def asked_folder(key: str) -> Path:
    """Where a service's answers to the same questions are sealed."""
    return of_studio().files / ASKED / key


def _same_questions(user: User, endpoint: Mapping[str, Any], prompts: Dataset, spec: Mapping[str, Any]) -> str:
    """A key that jobs share if they would ask the same; more answers per prompt go on from fewer."""
    decoding = {name: value for name, value in spec["params"].items() if name != "num_return_sequences"}
    same = [user.id, endpoint["url"], endpoint["model"], prompts.sha256, spec["instruction"], decoding]
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:32]


def _teacher(
    user: User,
    model: str | None,
    endpoint: str | None,
    endpoint_model: str | None,
    asks: Mapping[str, Any],
    api_key: str | None,
) -> tuple[Teacher, list[Problem]]:
    """The teacher, and what is wrong with the request for it."""
    if bool(model) == bool(endpoint):
        said = "give “model” or “endpoint”, not both." if model else "give “model” or “endpoint”."
        remedy = "“model” is a model of the studio, “endpoint” the address of a service."
        return Teacher(None), [Problem(said, remedy=remedy)]
    if model:
        what = "belongs to a service: give “endpoint” too."
        problems = [Problem(what, field="endpoint_model")] if endpoint_model else []
        return Teacher(evaluations.find_model(user, model)), problems
    found, problems = services.wanted(str(endpoint), endpoint_model, asks, api_key)
    return Teacher(None, found), problems


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


def _instruction(model: BaseModelRow | Artifact | None, prompts: Dataset, given: str | None) -> str:
    if given is not None:
        return given.strip()
    return prompts.instruction or (artifacts.instruction_of(model) if model else "")


def _usable_name(user: User, name: str) -> str:
    usable = dataset_names.usable(user, name)
    if model_names.held_by_job(user, usable, "dataset"):
        what = f"A job that has not ended will use the name “{usable}”."
        raise Conflict(Problem(what, field="name", remedy="Choose another name."))
    return usable
