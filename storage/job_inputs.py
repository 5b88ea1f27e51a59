"""The inputs of jobs: base models, datasets and artifacts, each in a role.

A job's inputs are its lineage and that of its results; none of them can be deleted until the job ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from storage import db
from storage.models import TERMINAL, Artifact, BaseModelRow, Dataset, Job, JobInput
from templates.errors import Conflict
from templates.roles import Role

Thing = BaseModelRow | Dataset | Artifact


class Input(NamedTuple):
    """An input in its role."""

    role: Role
    thing: Thing


class Inputs(tuple[Input, ...]):
    """All inputs of one job, in the order of the roles' names; including deleted ones."""

    def all(self, role: Role) -> list[Thing]:
        """The inputs in the role, in the requested order."""
        return [one.thing for one in self if one.role == role]

    def model(self, role: Role) -> BaseModelRow | Artifact | None:
        """The first model in this role."""
        return next((thing for thing in self.all(role) if not isinstance(thing, Dataset)), None)

    def dataset(self, role: Role) -> Dataset | None:
        """The first dataset in this role."""
        return next((thing for thing in self.all(role) if isinstance(thing, Dataset)), None)

    @property
    def measured_on(self) -> Dataset | None:
        """The dataset whose held-out side gives the job's verdict or scores."""
        return self.dataset(Role.TRAINING) or self.dataset(Role.HELD_OUT)


def of(role: Role, *things: Thing) -> list[JobInput]:
    """Rows for these things in this role, for `jobs.submit`."""
    return [JobInput(role=role, position=place, **{_column(thing): thing.id}) for place, thing in enumerate(things)]


def _column(thing: Thing) -> str:
    return {BaseModelRow: "base_model_id", Dataset: "dataset_id", Artifact: "artifact_id"}[type(thing)]


def reference(thing: Thing) -> Any:
    """The column of `JobInput` that refers to things of this kind."""
    return getattr(JobInput, _column(thing))


def rows_of(session: Session, job_id: str) -> Sequence[JobInput]:
    """The rows of one job."""
    order = (col(JobInput.role), col(JobInput.position))
    return session.exec(select(JobInput).where(JobInput.job_id == job_id).order_by(*order)).all()


def of_job(job_id: str) -> Inputs:
    """The inputs of the job."""
    return of_jobs([job_id])[job_id]


_THINGS: tuple[Any, Any, Any] = (BaseModelRow, Dataset, Artifact)
_NAMES = [load_only(table.name, table.deleted_at) for table in _THINGS]
"""For lists: only what names an input."""


def of_jobs(job_ids: Iterable[str], *, names_only: bool = False) -> dict[str, Inputs]:
    """The inputs of each of these jobs; `names_only` for lists, without the rows' long columns."""
    wanted = list(job_ids)
    query = (
        select(JobInput, BaseModelRow, Dataset, Artifact)
        .join(BaseModelRow, col(BaseModelRow.id) == JobInput.base_model_id, isouter=True)
        .join(Dataset, col(Dataset.id) == JobInput.dataset_id, isouter=True)
        .join(Artifact, col(Artifact.id) == JobInput.artifact_id, isouter=True)
        .where(col(JobInput.job_id).in_(wanted))
        .order_by(col(JobInput.role), col(JobInput.position))
    )
    query = query.options(*_NAMES) if names_only else query
    found: dict[str, list[Input]] = defaultdict(list)
    with db.reading() as session:
        for row, base, dataset, artifact in session.exec(query):
            thing: Thing | None = base or dataset or artifact
            assert thing is not None, "the table's constraint"
            found[row.job_id].append(Input(Role(row.role), thing))
    return {job_id: Inputs(found[job_id]) for job_id in wanted}


def refuse_used(session: Session, thing: Thing) -> None:
    """Raise `Conflict` if a job that uses the thing has not ended, so that nobody deletes it under that job."""
    query = select(Job).join(JobInput, col(JobInput.job_id) == Job.id)
    job = session.exec(query.where(reference(thing) == thing.id, col(Job.state).not_in(TERMINAL)).limit(1)).first()
    if job is not None:
        by = f"the job “{job.name}”" if job.owner_id == thing.owner_id else "a job that has not ended"
        raise Conflict(f"“{thing.name}” is used by {by}.", remedy="Wait for the job to end, or cancel it.")
