"""Lists of a user's jobs, page by page, and the queue that they wait in."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from storage import db, listing
from storage.listing import START, Page, Place
from storage.models import TERMINAL, Dataset, Job, JobAttempt, JobInput, JobState, User
from templates.errors import BadInput, Problem

T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """Which jobs to list; empty fields leave nothing out."""

    state: str = ""
    """One of `JobState`."""
    name: str = ""
    """A part of the job's name, in any case."""
    data: str = ""
    """A part of the name of a dataset that it uses, in any case."""


ALL = Wanted()


def page(user: User, place: Place = START, wanted: Wanted = ALL) -> Page[Job]:
    """Some of the user's jobs, newest first."""
    with db.reading() as session:
        return listing.newest_first(session, _wanted(select(Job), user, wanted), Job, user.id, place)


def count(user: User, wanted: Wanted = ALL) -> int:
    """The number of the user's jobs."""
    with db.reading() as session:
        return session.exec(_wanted(select(func.count(col(Job.id))), user, wanted)).one()


def _wanted(query: SelectOfScalar[T], user: User, wanted: Wanted) -> SelectOfScalar[T]:
    query = query.where(Job.owner_id == user.id)
    if wanted.state:
        if wanted.state not in set(JobState):
            known = ", ".join(state.value for state in JobState)
            raise BadInput(
                Problem(f"“{wanted.state[:40]}” is no state of a job.", field="state", remedy=f"Use {known}.")
            )
        query = query.where(Job.state == wanted.state)
    if wanted.name:
        query = query.where(col(Job.name).icontains(wanted.name, autoescape=True))
    if wanted.data:
        of = select(JobInput.job_id).join(Dataset, col(Dataset.id) == JobInput.dataset_id)
        named = of.where(Dataset.owner_id == user.id, col(Dataset.name).icontains(wanted.data, autoescape=True))
        query = query.where(col(Job.id).in_(named))
    return query


def in_brief(user: User, n_live: int) -> tuple[Sequence[Job], Job | None]:
    """The newest jobs that run or wait, and the newest that has ended."""
    mine = select(Job).where(Job.owner_id == user.id).order_by(col(Job.created_at).desc(), col(Job.id).desc())
    with db.reading() as session:
        live = session.exec(mine.where(col(Job.state).not_in(TERMINAL)).limit(n_live)).all()
        return live, session.exec(mine.where(col(Job.state).in_(TERMINAL)).limit(1)).first()


def of_kind(user: User, kind: str, failed_within_s: float) -> Sequence[Job]:
    """The user's jobs of this kind that run or wait, or failed in the last so many seconds; newest first."""
    is_live = col(Job.state).not_in(TERMINAL)
    failed = (col(Job.state) == JobState.FAILED) & (col(Job.finished_at) > db.now() - failed_within_s)
    query = select(Job).where(Job.owner_id == user.id, Job.kind == kind, is_live | failed)
    with db.reading() as session:
        return session.exec(query.order_by(col(Job.created_at).desc(), col(Job.id).desc())).all()


def by_worker() -> dict[str, list[Job]]:
    """Everybody's running jobs by the id of the worker that runs them, the longest running first."""
    query = (
        select(JobAttempt.worker, Job)
        .join(Job, (col(JobAttempt.job_id) == Job.id) & (col(JobAttempt.attempt) == Job.attempt))
        .where(Job.state == JobState.RUNNING)
        .order_by(col(Job.started_at), col(Job.id))
    )
    found: dict[str, list[Job]] = defaultdict(list)
    with db.reading() as session:
        for worker, job in session.exec(query):
            found[worker].append(job)
    return dict(found)


def n_waiting() -> int:
    """The number of everybody's jobs in the queue."""
    with db.reading() as session:
        return session.exec(select(func.count(col(Job.id))).where(Job.state == JobState.QUEUED)).one()


def positions(found: Iterable[Job]) -> dict[str, int]:
    """Places in the queue of those that wait, by id; 1 is next."""
    waiting = [job for job in found if job.state == JobState.QUEUED]
    if not waiting:
        return {}
    ahead = select(Job.created_at).where(
        Job.state == JobState.QUEUED, col(Job.created_at) <= max(job.created_at for job in waiting)
    )
    with db.reading() as session:
        queue = session.exec(ahead.order_by(col(Job.created_at))).all()
    return {job.id: bisect_left(queue, job.created_at) + 1 for job in waiting}
