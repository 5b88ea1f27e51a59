"""Intruder reductions: checks that a result can be reduced and measured, and queues the job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from storage import job_inputs, model_names
from storage.data import datasets
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, User
from storage.planning import evaluations, repairs
from templates import registry
from templates.errors import Problem, refuse
from templates.jobs.reduce_intruders import ReduceIntrudersParams
from templates.recipe import problems_of
from templates.roles import Role

KIND = "reduce_intruders"


def submit(
    user: User,
    *,
    model: str,
    name: str,
    dataset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    idem_key: str | None = None,
) -> Job:
    """Queue the reduction of a LoRA result; `dataset` judges it instead of what the result learned.

    Raises `BadInput` with every problem at once, `NotFound` for an unknown result or dataset.
    """
    found, problems = evaluations.find_model(user, model), list[Problem]()
    try:
        params = ReduceIntrudersParams.model_validate(settings or {})
    except ValidationError as error:
        params, problems = ReduceIntrudersParams(), problems_of(error)
    if why := obstacle(found):
        problems.append(Problem(f"“{found.name}” can't be reduced: {why}.", field="model", remedy=_REMEDY))
    data, texts = _data(user, found, dataset, problems) if isinstance(found, Artifact) else ([], [])
    if idem_key is None or jobs.with_key(user, idem_key) is None:
        problems += model_names.problems(user, name)
    refuse(problems)
    told = ", ".join(f"{key} {value:g}" for key, value in params.model_dump().items())
    return jobs.submit(
        user,
        name=name,
        kind=KIND,
        spec={
            "params": params.model_dump(mode="json"),
            "continued": "reduced",
            "continued_because": f"The intruder dimensions of “{found.name}” are reduced ({told}); nothing is trained.",
            "instruction": texts[0],
            "instructions": texts[1:],
        },
        inputs=[*job_inputs.of(Role.BASE, found), *job_inputs.of(Role.HELD_OUT, *data)],
        idem_key=idem_key,
    )


_REMEDY = "Choose another result, or bring back what it forgot with the objective repair."


def obstacle(model: BaseModelRow | Artifact) -> str:
    """Why a model has no intruder dimensions that PEFT could reduce, as the end of a sentence; empty if it has."""
    if isinstance(model, BaseModelRow):
        return "it is a base model, without an adapter"
    if not registry.artifact_kind(model.kind).on_base:
        return "it is a full model, without an adapter"
    file = artifacts.folder(model) / "adapter_config.json"
    if not file.is_file():
        return "its files are gone"
    config = json.loads(file.read_bytes())
    if config.get("peft_type") != "LORA":
        return f"only LoRA adapters can be, and it is {config.get('peft_type')}"
    unlike = {
        "use_dora": "DoRA also learned the lengths of the weights, which would no longer fit",
        "lora_bias": "it also learned biases, which PEFT would leave out",
        "fan_in_fan_out": "PEFT can't do it for models whose weights are stored transposed",
        "modules_to_save": "it also holds whole layers, which stay as they are",
        "trainable_token_indices": "it also holds tokens of its own, which stay as they are",
        "target_parameters": "it changes parameters that are no layers of their own",
    }
    return next((why for key, why in unlike.items() if config.get(key)), "")


def _data(
    user: User, result: Artifact, dataset: str | None, problems: list[Problem]
) -> tuple[list[Dataset], list[str]]:
    """What judges the reduction, with the instruction of each."""
    first = artifacts.instruction_of(result)
    if dataset is not None:
        problems += _other_labels(result)
        given = datasets.get(user, dataset)
        found, texts = [given], [given.instruction or first]
    else:
        found, told = repairs.learned(user, result)
        texts = [first, *(told.instructions or [""] * (len(found) - 1))]
    problems += [problem for one in found for problem in _unfit(one, result)]
    if not found or any(one.deleted_at is not None for one in found):
        what = f"The data that “{result.name}” learned was deleted, so what the reduction costs could not be measured."
        problems.append(Problem(what, field="dataset", remedy="Name data of the same task."))
    return found, texts


def _other_labels(result: Artifact) -> list[Problem]:
    """Why no other data can judge a result that chooses among labels: it would get theirs."""
    objective = registry.objective(str(artifacts.model_facts(result).recipe.get("objective")))
    if not objective.most_labels:
        return []
    what = f"“{result.name}” chooses among the labels that it learned; other data may have others."
    return [Problem(what, field="dataset", remedy="Leave it out.")]


def _unfit(data: Dataset, result: Artifact) -> list[Problem]:
    """Why this data can't judge it."""
    objective = registry.objective(str(artifacts.model_facts(result).recipe.get("objective")))
    if data.shape not in objective.row_shapes:
        what = f"“{data.name}” holds {data.shape}, but “{result.name}” learned {' or '.join(objective.row_shapes)}."
        return [Problem(what, field="dataset", remedy="Name a dataset of the same task.")]
    if data.n_held_out < 1:
        return [Problem(f"“{data.name}” has no held-out rows.", field="dataset", remedy="Name another dataset.")]
    if not registry.shape(data.shape).has_answers:
        what = f"“{data.name}” holds prompts without answers, so it can't judge the result."
        return [Problem(what, field="dataset", remedy="Name a dataset with answers.")]
    return []
