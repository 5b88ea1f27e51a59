"""Worker actions on jobs: claim, renew, end. Every change is fenced by attempt and owner.

A claim is a lease: it holds while the worker renews it, by the database's clock. A worker that has lost
its lease can't change anything any more, because none of its statements matches a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from storage import db
from storage.data import openings
from storage.jobs import events
from storage.jobs.made import Made, put
from storage.models import Artifact, Job, JobAttempt, JobMetric, JobState, Worker, new_id
from storage.settings import settings

STUCK_CRASHES = 2
"""This many consecutive crashes of the child without progress end a job."""


@dataclass(frozen=True)
class Lease:
    """The right to work on a job; every later statement must match it."""

    job: Job
    attempt: int
    owner: str


@dataclass(frozen=True)
class Renewal:
    """The reply to a heartbeat."""

    cancel: bool
    keep: bool


class LeaseLost(Exception):
    """The lease ended: kill the child, change nothing, publish nothing."""


def _held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Job.id) == lease.job.id,
        col(Job.attempt) == lease.attempt,
        col(Job.lease_owner) == lease.owner,
        col(Job.state) == JobState.RUNNING,
    )


def waiting() -> bool:
    """Whether any job waits; takes no lock."""
    with db.reading() as session:
        return session.exec(select(Job.id).where(Job.state == JobState.QUEUED).limit(1)).first() is not None


def claim(worker: Worker, job_id: str | None = None) -> Lease | None:
    """Claim `job_id`, or the longest-waiting job; None when there is nothing to claim."""
    owner = new_id()
    with db.writing() as session:
        waiting = select(Job.id).where(Job.state == JobState.QUEUED).order_by(col(Job.created_at), col(Job.id))
        if job_id:
            waiting = waiting.where(Job.id == job_id)
        found = session.exec(waiting.limit(1).with_for_update(skip_locked=True)).one_or_none()
        if found is None:
            return None
        won = session.exec(
            update(Job)
            .where(col(Job.id) == found, col(Job.state) == JobState.QUEUED)
            .values(
                state=JobState.RUNNING,
                stage=None,
                attempt=Job.attempt + 1,
                lease_owner=owner,
                lease_until=db.now() + settings().lease_s,
                started_at=func.coalesce(Job.started_at, db.now()),
                eta_s=None,
            )
        ).rowcount
        if not won:
            return None
        job = session.get_one(Job, found, populate_existing=True)
        session.add(
            JobAttempt(
                job_id=job.id,
                attempt=job.attempt,
                lease_owner=owner,
                worker=worker.id,
                started_at=db.clock(session),
                start_progress_seq=job.progress_seq,
            )
        )
        events.append(session, job.id, job.attempt, "claimed", worker=f"{worker.host}:{worker.pid}")
        return Lease(job, job.attempt, owner)


def renew(
    lease: Lease,
    *,
    metrics: Sequence[JobMetric] = (),
    happened: Sequence[tuple[str, dict[str, Any]]] = (),
    advanced: bool = False,
    start_step: int | None = None,
    **progress: Any,
) -> Renewal:
    """Heartbeat: renew the lease and record progress, all or nothing.

    `progress` are columns of the job (`stage`, `step`, `eta_s` …); `happened` are events as (kind,
    data); `advanced` says that a killed job would now resume at a later step; `start_step` is the step
    where this attempt started training. Raises `LeaseLost`.
    """
    values: dict[str, Any] = {**progress, "lease_until": db.now() + settings().lease_s}
    if advanced:
        values["progress_seq"] = Job.progress_seq + 1
    with db.writing() as session:
        statement = (
            update(Job).where(*_held(lease)).values(**values).returning(col(Job.cancel_at), col(Job.cancel_keep))
        )
        row = session.execute(statement).one_or_none()
        if row is None:
            raise LeaseLost(lease.job.id)
        if start_step is not None:
            session.exec(update(JobAttempt).where(*_attempt(lease.job.id, lease.attempt)).values(start_step=start_step))
        at = db.clock(session)
        for point in metrics:
            point.at, point.job_id, point.attempt = at, lease.job.id, lease.attempt
            events.put_metric(session, point)
        for kind, data in happened:
            events.append(session, lease.job.id, lease.attempt, kind, **data)
        return Renewal(cancel=row.cancel_at is not None, keep=bool(row.cancel_keep))


def _attempt(job_id: str, attempt: int) -> tuple[ColumnElement[bool], ...]:
    return col(JobAttempt.job_id) == job_id, col(JobAttempt.attempt) == attempt


def wish(lease: Lease) -> Renewal:
    """The owner's current wish for the job; renews nothing. Raises `LeaseLost`."""
    with db.reading() as session:
        row = session.exec(select(Job.cancel_at, Job.cancel_keep).where(*_held(lease))).one_or_none()
    if row is None:
        raise LeaseLost(lease.job.id)
    return Renewal(cancel=row[0] is not None, keep=bool(row[1]))


def end_attempt(session: Session, job_id: str, attempt: int, outcome: str) -> None:
    """Close the attempt's row, inside the caller's transaction."""
    job = session.get_one(Job, job_id, populate_existing=True)
    session.exec(
        update(JobAttempt)
        .where(*_attempt(job_id, attempt))
        .values(ended_at=db.now(), outcome=outcome, last_step=job.step)
    )


def _finish(session: Session, lease: Lease, state: JobState, outcome: str, **values: Any) -> None:
    ended = (
        update(Job)
        .where(*_held(lease))
        .values(state=state, stage=None, lease_owner=None, eta_s=None, finished_at=db.now(), **values)
    )
    if not session.exec(ended).rowcount:
        raise LeaseLost(lease.job.id)
    end_attempt(session, lease.job.id, lease.attempt, outcome)


def succeed(
    lease: Lease,
    *,
    made: Made | None = None,
    opened: str | None = None,
    result: dict[str, Any],
    actual: dict[str, Any],
) -> None:
    """End the job successfully: its result's row and `SUCCEEDED` in one transaction. Raises `LeaseLost`.

    `opened` is the id of the dataset whose held-out side gave the verdict; the look counts once. The result
    gets a number after its name if the name has been taken meanwhile.
    """
    with db.writing() as session:
        artifact_id = made.id if isinstance(made, Artifact) else None
        _finish(session, lease, JobState.SUCCEEDED, "succeeded", artifact_id=artifact_id, result=result, actual=actual)
        if opened:
            openings.record(session, job_id=lease.job.id, attempt=lease.attempt, dataset_id=opened)
        if made:
            put(session, lease.job, lease.attempt, made)
        events.append(session, lease.job.id, lease.attempt, "published" if made else "finished")


def fail(lease: Lease, code: str, message: str, remedy: str | None = None) -> None:
    """End the job with a plain cause and a remedy. Raises `LeaseLost`."""
    with db.writing() as session:
        _finish(session, lease, JobState.FAILED, code, error_code=code, error=message, remedy=remedy)
        events.append(session, lease.job.id, lease.attempt, "failed", code=code, message=message)


def cancelled(lease: Lease) -> None:
    """End the job at its owner's request. Raises `LeaseLost`."""
    with db.writing() as session:
        _finish(session, lease, JobState.CANCELLED, "cancelled")
        events.append(session, lease.job.id, lease.attempt, "cancelled", while_state="RUNNING")


def give_back(lease: Lease, why: str) -> None:
    """Requeue a job through no fault of its own (the worker drains). The attempt does not count. Raises `LeaseLost`."""
    with db.writing() as session:
        requeue(session, lease.job.id, lease.attempt, "drained", why, 0, _held(lease))


def crashed(lease: Lease, code: str, message: str, remedy: str) -> JobState:
    """The child died silently: requeue the job, or fail it if this happened twice in a row without progress.

    A worker lost in between is a different fault: it counts only towards `max_attempts`.
    Returns the job's new state. Raises `LeaseLost`.
    """
    with db.writing() as session:
        stuck = times_stuck(session, lease.job.id, lease.attempt)
        before = session.get(JobAttempt, (lease.job.id, lease.attempt - 1))
        most = STUCK_CRASHES if before and before.outcome == code else settings().max_attempts
        if stuck < most:
            requeue(session, lease.job.id, lease.attempt, code, message, stuck, _held(lease))
            return JobState.QUEUED
    fail(lease, code, message, remedy)
    return JobState.FAILED


def times_stuck(session: Session, job_id: str, attempt: int) -> int:
    """Consecutive attempts without progress if this one ended now."""
    job = session.get_one(Job, job_id, populate_existing=True)
    this = session.get_one(JobAttempt, (job_id, attempt))
    return 0 if job.progress_seq > this.start_progress_seq else job.stuck_attempts + 1


def requeue(
    session: Session,
    job_id: str,
    attempt: int,
    outcome: str,
    why: str,
    stuck: int,
    where: tuple[ColumnElement[bool], ...],
) -> None:
    """Put the job back in the queue if it matches `where`, inside the caller's transaction. Raises `LeaseLost`."""
    again = (
        update(Job)
        .where(*where)
        .values(state=JobState.QUEUED, stage=None, lease_owner=None, eta_s=None, stuck_attempts=stuck, rung_at=0.0)
    )
    if not session.exec(again).rowcount:
        raise LeaseLost(job_id)
    end_attempt(session, job_id, attempt, outcome)
    events.append(session, job_id, attempt, "requeued", why=why)
