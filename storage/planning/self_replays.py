"""Self-replay: a model writes the rows that later trainings replay, so that it keeps what it knew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlmodel import col, select

from storage import db, job_inputs, model_names
from storage.data import dataset_names
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, JobInput, User
from storage.planning import evaluations
from templates.errors import Conflict, NotFound, Problem, refuse
from templates.jobs.self_replay import SelfReplayParams
from templates.recipe import problems_of
from templates.roles import Role

KIND = "self_replay"


def submit(
    user: User, *, model: str, name: str, settings: Mapping[str, Any] | None = None, idem_key: str | None = None
) -> Job:
    """Queue the writing of a dataset called `name`. Raises `BadInput` with every problem at once."""
    found, problems = evaluations.find_model(user, model), list[Problem]()
    try:
        params = SelfReplayParams.model_validate(settings or {})
    except ValidationError as error:
        params, problems = SelfReplayParams(), problems_of(error)
    problems += dataset_names.problems(name.strip())
    refuse(problems)
    if idem_key is None or jobs.with_key(user, idem_key) is None:
        name = dataset_names.usable(user, name)
        if model_names.held_by_job(user, name, "dataset"):
            what = f"A job that has not ended will use the name “{name}”."
            raise Conflict(Problem(what, field="name", remedy="Choose another name."))
    return jobs.submit(
        user,
        name=name.strip(),
        kind=KIND,
        spec={"params": params.model_dump(mode="json")},
        inputs=job_inputs.of(Role.MODEL, found),
        idem_key=idem_key,
    )


def of_model(user: User, model: BaseModelRow | Artifact) -> Dataset | None:
    """The newest rows that this model wrote for this user; None if there are none."""
    with db.reading() as session:
        query = (
            select(Dataset)
            .join(Job, col(Job.id) == Dataset.made_by_job_id)
            .join(JobInput, col(JobInput.job_id) == Job.id)
            .where(Dataset.owner_id == user.id, Dataset.deleted_at == None, Job.kind == KIND)  # noqa: E711
            .where(JobInput.role == Role.MODEL, job_inputs.reference(model) == model.id)
            .order_by(col(Dataset.created_at).desc())
        )
        return session.exec(query.limit(1)).first()


def needed(user: User, model: str) -> Dataset:
    """As `of_model`. Raises `NotFound` if the model has written none."""
    found = of_model(user, evaluations.find_model(user, model))
    if found is None:
        raise NotFound(
            f"“{model}” has not written rows to replay yet.",
            code="nothing_to_replay",
            remedy=f"Let it write them: studio replay --model {model} --name {model}-replay --wait",
        )
    return found
