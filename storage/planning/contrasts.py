"""The same training without its teacher: what was the teacher worth?

A contrast learns the rows' own answers with the same base, rows, method and seed, and with those of the settings that
it has. A key made from the taught job's id ties the two together.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from storage import db, job_inputs, model_names
from storage.job_inputs import Inputs
from storage.jobs import jobs
from storage.models import Job, JobState, User
from storage.planning import training
from templates import capabilities, registry
from templates.continuation import CHOICES, ContinueFrom
from templates.errors import BadInput, Problem
from templates.recipe import Recipe
from templates.roles import Role
from templates.spec import Objective

KEY = "without-teacher:"
ENDING = "-without-teacher"


def objective(job: Job, inputs: Inputs) -> Objective | None:
    """What the contrast of a successful training would learn; None if there is nothing to contrast or to learn."""
    dataset = inputs.dataset(Role.TRAINING)
    if "recipe" not in job.spec or job.state != JobState.SUCCEEDED or dataset is None or dataset.deleted_at is not None:
        return None
    recipe = Recipe.model_validate(job.spec["recipe"])
    taught, method = registry.objectives().get(recipe.objective), registry.methods().get(recipe.method)
    if taught is None or method is None:
        return None
    able = [registry.objective(key) for key in taught.without_teacher]
    fitting = (one for one in able if dataset.shape in one.row_shapes)
    return next((one for one in fitting if not capabilities.refusals(one, method, recipe.quantization)), None)


def of(user: User, job: Job) -> Job | None:
    """The contrast of a taught job, as it was run last; None if it was never run."""
    found = jobs.with_key(user, f"{KEY}{job.id}")
    while found is not None and (again := _retried(found)):
        found = again
    return found


def taught(user: User, job: Job) -> Job | None:
    """The taught job whose contrast this one is; None if it is none."""
    first = job
    with db.reading() as session:
        while first.retry_of:
            first = session.get_one(Job, first.retry_of)
    return jobs.get(user, first.idem_key.removeprefix(KEY)) if first.idem_key.startswith(KEY) else None


def submit(user: User, job: Job) -> Job:
    """Queue the contrast of a taught job; the same job again if it has been queued before.

    Raises `BadInput` if there is none, and whatever `training.plan` refuses.
    """
    if before := of(user, job):
        return before
    inputs = job_inputs.of_job(job.id)
    plain, base, dataset = objective(job, inputs), inputs.model(Role.BASE), inputs.dataset(Role.TRAINING)
    if plain is None or base is None or dataset is None:
        what = f"“{job.name}” can’t be run without a teacher: it has none, has no result, or its data is gone."
        raise BadInput(Problem(what, remedy="Choose a training that learned from a teacher."))
    recipe = Recipe.model_validate(job.spec["recipe"])
    planned = training.plan(
        user,
        base=base.id,
        dataset=dataset.id,
        objective=plain.key,
        method=recipe.method,
        quantization=recipe.quantization,
        instruction=recipe.instruction,
        settings=_shared(recipe, plain),
        continue_from=_continued(job),
    )
    name = model_names.free(user, f"{job.name[: model_names.MAX_CHARS - len(ENDING)]}{ENDING}")
    return training.submit(user, planned, name=name, idem_key=f"{KEY}{job.id}")


def _shared(recipe: Recipe, plain: Objective) -> dict[str, Any]:
    """The taught job's settings, as far as the other objective has them."""
    shared = {name: value for name, value in recipe.objective_params.items() if name in plain.params.model_fields}
    return {**shared, **recipe.method_params}


def _continued(job: Job) -> ContinueFrom:
    """How the taught job went on from a result, if that was a choice."""
    way = job.spec.get("continued")
    return next((choice for choice in CHOICES if choice == way), "advised")


def _retried(job: Job) -> Job | None:
    """The newest job that ran this one again."""
    with db.reading() as session:
        query = select(Job).where(Job.owner_id == job.owner_id, Job.retry_of == job.id)
        return session.exec(query.order_by(col(Job.created_at).desc()).limit(1)).first()
