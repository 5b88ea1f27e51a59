"""Evaluations: several models scored on the same held-out rows, or on the same suite."""

from __future__ import annotations

from typing import Any

from storage import job_inputs, model_names
from storage.bases import base_models
from storage.data import datasets
from storage.gallery import artifact_lists, artifacts, suites
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, User
from templates import instructions, registry
from templates.errors import BadInput, NotFound, Problem, refuse
from templates.roles import Role

MAX_MODELS = 16


def submit(
    user: User,
    *,
    models: list[str],
    dataset: str | None = None,
    suite: str | None = None,
    instruction: str | None = None,
    name: str | None = None,
    idem_key: str | None = None,
) -> Job:
    """Queue an evaluation of base models and artifacts; all are compared with the first.

    It scores them on either a dataset's held-out rows or a suite. On rows, all models get the same
    `instruction`: None takes the dataset's own, "" means none. Raises `BadInput` with every unknown or
    repeated model and an unknown suite, `NotFound` for an unknown dataset.
    """
    if (dataset is None) == (suite is None):
        raise BadInput(one_of("dataset", "suite", neither=dataset is None))
    data = datasets.get(user, dataset) if dataset is not None else None
    problems = [] if name is None else model_names.flaw(name)
    problems += _problems_on(data, instruction or "") if data is not None else _problems_with(suite, instruction)
    if not 1 <= len(models) <= MAX_MODELS:
        problems.append(Problem(f"give 1 to {MAX_MODELS} models, not {len(models)}.", field="models"))
    found, wrong = _found(user, models)
    refuse(problems + wrong)
    on = data.name if data is not None else f"the {suite} suite"
    spec: dict[str, Any] = {"names": [model.name for model in found.values()]}
    if data is not None:
        spec["instruction"] = data.instruction if instruction is None else instruction.strip()
    inputs = job_inputs.of(Role.MODEL, *found.values())
    inputs += job_inputs.of(Role.HELD_OUT, data) if data is not None else []
    return jobs.submit(
        user,
        name=name or f"{' · '.join(model.name for model in found.values())} on {on}",
        kind="evaluate",
        spec=spec if suite is None else {**spec, "suite": suite},
        inputs=inputs,
        idem_key=idem_key,
    )


def _problems_on(data: Dataset, instruction: str) -> list[Problem]:
    """The reasons why models can't be scored on this dataset."""
    problems = [*instructions.problems(instruction), *instructions.misplaced(registry.shape(data.shape), instruction)]
    if data.n_held_out < 1:
        problems.append(Problem(f"“{data.name}” has no held-out rows.", field="dataset", remedy="Add a larger file."))
    if not registry.shape(data.shape).metrics:
        what = f"“{data.name}” holds {data.shape}: some of its answers are bad, so they can't serve as references."
        problems.append(Problem(what, field="dataset", remedy="Choose a dataset whose answers are all good."))
    return problems


def _problems_with(suite: str | None, instruction: str | None) -> list[Problem]:
    problems = suites.problems(suite) if suite is not None else []
    if instruction:
        what = "can't be used with a suite, whose items have their own."
        problems.append(Problem(what, field="instruction", remedy="Leave it out, or score on a dataset."))
    return problems


def one_of(dataset: str, suite: str, *, neither: bool) -> Problem:
    """The problem if not exactly one of these two fields is given."""
    said = f"give “{dataset}” or “{suite}”" if neither else f"give “{dataset}” or “{suite}”, not both"
    return Problem(f"{said}.", remedy=f"“{dataset}” scores on its held-out rows, “{suite}” on general abilities.")


def _found(user: User, models: list[str]) -> tuple[dict[str, BaseModelRow | Artifact], list[Problem]]:
    """The models by id, and the problems with the others."""
    problems: list[Problem] = []
    found: dict[str, BaseModelRow | Artifact] = {}
    for asked in models[:MAX_MODELS]:
        try:
            model = find_model(user, asked)
        except NotFound as error:
            problems += [Problem(p.message, field="models", remedy=p.remedy) for p in error.problems]
            continue
        if model.id in found:
            problems.append(Problem(f"“{asked}” is listed twice.", field="models", remedy="Name each model once."))
        found[model.id] = model
    return found, problems


def find_model(user: User, name_or_id: str) -> BaseModelRow | Artifact:
    """The base model or artifact with this name or id. Raises `NotFound`, `BadInput` for a reward model."""
    try:
        artifact = artifacts.get(user, name_or_id)
    except NotFound:
        artifact = None  # so it is a base model, or nothing
    if artifact is not None:
        artifacts.refuse_reward_model(artifact)
        if artifacts.is_model(artifact):
            return artifact
    try:
        return base_models.get(user, name_or_id)
    except NotFound:
        known = [row.name for row in base_models.of_user(user)] + list(artifact_lists.model_names(user))
        raise NotFound(
            f"There is no model “{name_or_id}”.", code="no_such_model", remedy=f"Known: {', '.join(known)}."
        ) from None
