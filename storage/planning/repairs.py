"""What a repair learns from: the prompts that it is given, and the rows that its result learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from storage import job_inputs
from storage.data import datasets
from storage.gallery import artifacts
from storage.job_inputs import Inputs
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, User
from storage.planning import self_replays
from storage.planning.continuations import Start
from templates import registry
from templates.errors import BadInput, Problem
from templates.mix import Mix, Weights
from templates.roles import Role

OBJECTIVE = "repair"
FIELD = "replay"


class Sides(NamedTuple):
    """The datasets of a repair, as for any training that replays others."""

    dataset: str
    weights: Weights
    replay: Weights
    task_share: float
    """The share of the task's rows among all that is learned."""


def sides(
    user: User, begins: Start, dataset: str, weights: Weights, replay: Weights, settings: Mapping[str, Any]
) -> Sides:
    """The task's data and the prompts; without `replay`, the data named are the prompts.

    Raises `BadInput` if the task's data must be named, or if there are no prompts besides it.
    """
    assert begins.parent
    share = settings.get("task_share", registry.objective(OBJECTIVE).declared_defaults["task_share"])
    share = share if isinstance(share, int | float) and 0 <= share < 1 else 0.0  # which the recipe refuses in words
    if shared := [name for name, part in replay.items() if part is not None]:
        what = f"“{shared[0]}” has a share, but every prompt of a repair comes up once in a pass."
        raise BadInput(Problem(what, field=FIELD, remedy="Leave it out, and set task_share instead."))
    if replay:
        return Sides(dataset, weights, replay, share)
    if why := obstacle(user, begins.parent):
        raise BadInput(Problem(f"“{begins.parent.name}” can't be repaired: {why}.", field="base"))
    prompts = [datasets.get(user, name) for name in weights or [dataset]]
    task, told = learned(user, begins.parent)
    if not task or any(one.deleted_at is not None for one in task):
        raise BadInput(_no_task(begins.parent.name, prompts[0].name))
    known = {one.sha256 for one in task}
    if itself := [one.name for one in prompts if one.sha256 in known]:
        raise BadInput(_no_prompts(user, begins, itself[0]))
    numbers = told.weights or [None] * len(task)
    together = {one.name: weight for one, weight in zip(task, numbers, strict=True)} if len(task) > 1 else {}
    return Sides(task[0].name, together, {one.name: None for one in prompts}, share)


def learned(user: User, result: Artifact) -> tuple[list[Dataset], Mix]:
    """The datasets that a result learned or, if it was not trained, was judged on; and how they were mixed."""
    inputs, job = job_inputs.of_job(result.job_id), jobs.get(user, result.job_id)
    found, told = _datasets(inputs, Role.TRAINING), Mix.model_validate(job.spec.get("mix") or {})
    if not found:  # a result that was only reduced keeps the instructions of what judged it
        found, told = _datasets(inputs, Role.HELD_OUT), Mix(instructions=tuple(job.spec.get("instructions") or ()))
    return found, told


def obstacle(user: User, result: Artifact) -> str:
    """Why a result can't be repaired, as the end of a sentence; empty if it can."""
    objective = registry.objectives().get(str(artifacts.model_facts(result).recipe.get("objective")))
    if objective is not None and objective.most_labels:
        return "it chooses among labels, and a repaired result would answer freely"
    shapes = registry.objective(OBJECTIVE).row_shapes
    unfit = [one.shape for one in learned(user, result)[0] if one.shape not in shapes]
    return f"it learned rows of the shape {unfit[0]}, and a repair learns {' or '.join(shapes)}" if unfit else ""


def _datasets(inputs: Inputs, role: Role) -> list[Dataset]:
    return [one for one in inputs.all(role) if isinstance(one, Dataset)]


def prompts_for(user: User, root: BaseModelRow) -> Dataset | None:
    """The newest prompts that the base model wrote itself, and that can be answered."""
    found = self_replays.of_model(user, root)
    return found if found is not None and registry.shape(found.shape).messages is not None else None


def _no_task(result: str, prompts: str) -> Problem:
    what = f"The data that “{result}” learned was deleted, so what the repair costs could not be measured."
    remedy = f"Name rows of the same task: --data TASK --replay {prompts}."
    return Problem(what, field="data", remedy=remedy)


def _no_prompts(user: User, begins: Start, data: str) -> Problem:
    assert begins.parent
    base = begins.root.name
    what = f"“{data}” is what “{begins.parent.name}” learned; a repair needs prompts that have nothing to do with it."
    own = prompts_for(user, begins.root)
    remedy = (
        f"Use “{own.name}”, which {base} wrote itself (“Keep what it knew”, --replay)."
        if own
        else f"Let {base} write some: studio replay --model {base} --name {base}-own-rows --wait."
    )
    return Problem(what, field=FIELD, remedy=remedy)
