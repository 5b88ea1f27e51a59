"""The trainings that a user can choose for a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import col, select

from storage import db, job_inputs
from storage.models import Dataset, Job, User
from templates import registry

MOST = 200


@dataclass(frozen=True)
class Candidate:
    """A training, and the data that its verdict is measured on."""

    job: Job
    data: Dataset | None


def of_user(user: User) -> list[Candidate]:
    """The user's trainings, the newest first; at most `MOST`."""
    kinds = [kind.key for kind in registry.job_kinds().values() if kind.trains]
    query = select(Job).where(Job.owner_id == user.id, col(Job.kind).in_(kinds))
    with db.reading() as session:
        found = session.exec(query.order_by(col(Job.created_at).desc()).limit(MOST)).all()
    inputs = job_inputs.of_jobs(job.id for job in found)
    return [Candidate(job, inputs[job.id].measured_on) for job in found]


def beside(found: list[Candidate], job: Job) -> list[Candidate]:
    """The same with `job` first, then the trainings that were measured on the same rows."""
    this = next((one for one in found if one.job.id == job.id), None)
    sha256 = this.data.sha256 if this and this.data else None
    others = [one for one in found if one.job.id != job.id]
    alike = [one for one in others if one.data is not None and one.data.sha256 == sha256]
    return [*([this] if this else [Candidate(job, None)]), *alike, *(one for one in others if one not in alike)]
