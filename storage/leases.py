"""What workers do with jobs: claim, renew, end, sweep. Every change is fenced by attempt and owner.

A claim is a lease: it holds while the worker renews it, by the database's clock. A worker that lost
its lease changes nothing any more, because no statement of its matches a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from storage import db, events
from storage.models import Artifact, Job, JobAttempt, JobMetric, JobState, Worker, new_id
from storage.settings import settings

STUCK_CRASHES = 2
"""Consecutive crashes of the child without progress that end a job."""


@dataclass(frozen=True)
class Lease:
    """The right to work on a job: what every later statement must match."""

    job: Job
    attempt: int
    owner: str


@dataclass(frozen=True)
class Renewal:
    """What a heartbeat brings back."""

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
    **progress: Any,
) -> Renewal:
    """Heartbeat: renew the lease and carry progress out, all or nothing.

    `progress` are columns of the job (`stage`, `step`, `eta_s` …); `happened` are events as (kind,
    data); `advanced` says that a killed job would now resume further on. Raises `LeaseLost`.
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
        at = db.clock(session)
        for point in metrics:
            point.at, point.job_id, point.attempt = at, lease.job.id, lease.attempt
            events.put_metric(session, point)
        for kind, data in happened:
            events.append(session, lease.job.id, lease.attempt, kind, **data)
        return Renewal(cancel=row.cancel_at is not None, keep=bool(row.cancel_keep))


def _end_attempt(session: Session, job_id: str, attempt: int, outcome: str) -> None:
    job = session.get_one(Job, job_id, populate_existing=True)
    session.exec(
        update(JobAttempt)
        .where(col(JobAttempt.job_id) == job_id, col(JobAttempt.attempt) == attempt)
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
    _end_attempt(session, lease.job.id, lease.attempt, outcome)


def succeed(lease: Lease, *, artifact: Artifact | None = None, result: dict[str, Any], actual: dict[str, Any]) -> None:
    """End the job well: the artifact's row and `SUCCEEDED` in one transaction. Raises `LeaseLost`."""
    with db.writing() as session:
        _finish(
            session,
            lease,
            JobState.SUCCEEDED,
            "succeeded",
            artifact_id=artifact.id if artifact else None,
            result=result,
            actual=actual,
        )
        if artifact:
            artifact.created_at = db.clock(session)
            session.add(artifact)
            session.flush()
        events.append(session, lease.job.id, lease.attempt, "published" if artifact else "finished")


def fail(lease: Lease, code: str, message: str, remedy: str | None = None) -> None:
    """End the job with a plain cause and what to do. Raises `LeaseLost`."""
    with db.writing() as session:
        _finish(session, lease, JobState.FAILED, code, error_code=code, error=message, remedy=remedy)
        events.append(session, lease.job.id, lease.attempt, "failed", code=code, message=message)


def cancelled(lease: Lease) -> None:
    """End the job because its owner wanted it. Raises `LeaseLost`."""
    with db.writing() as session:
        _finish(session, lease, JobState.CANCELLED, "cancelled")
        events.append(session, lease.job.id, lease.attempt, "cancelled", while_state="RUNNING")


def give_back(lease: Lease, why: str) -> None:
    """Requeue a job that is not to blame (the worker drains). The attempt does not count. Raises `LeaseLost`."""
    with db.writing() as session:
        _requeue(session, lease.job.id, lease.attempt, "drained", why, 0, _held(lease))


def crashed(lease: Lease, code: str, message: str, remedy: str) -> JobState:
    """The child died without a word: requeue, or fail when that happened twice without progress.

    Returns the job's new state. Raises `LeaseLost`.
    """
    with db.writing() as session:
        stuck = _stuck(session, lease.job.id, lease.attempt)
        if stuck < STUCK_CRASHES:
            _requeue(session, lease.job.id, lease.attempt, code, message, stuck, _held(lease))
            return JobState.QUEUED
    fail(lease, code, message, remedy)
    return JobState.FAILED


def _stuck(session: Session, job_id: str, attempt: int) -> int:
    job = session.get_one(Job, job_id, populate_existing=True)
    this = session.get_one(JobAttempt, (job_id, attempt))
    return 0 if job.progress_seq > this.start_progress_seq else job.stuck_attempts + 1


def _requeue(
    session: Session,
    job_id: str,
    attempt: int,
    outcome: str,
    why: str,
    stuck: int,
    where: tuple[ColumnElement[bool], ...],
) -> None:
    again = (
        update(Job)
        .where(*where)
        .values(state=JobState.QUEUED, stage=None, lease_owner=None, eta_s=None, stuck_attempts=stuck, rung_at=0.0)
    )
    if not session.exec(again).rowcount:
        raise LeaseLost(job_id)
    _end_attempt(session, job_id, attempt, outcome)
    events.append(session, job_id, attempt, "requeued", why=why)


def expire(*, dead_workers: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Take jobs from workers that stopped renewing, or are known to be dead.

    Returns (job id, new state). A job whose owner asked to cancel it ends as CANCELLED; one that was
    lost too often without progress as FAILED (`crash_loop`); the others wait again.
    """
    ended = []
    with db.reading() as session:
        query = select(Job.id, Job.attempt, Job.lease_until < db.now(), JobAttempt.worker).where(
            Job.state == JobState.RUNNING, JobAttempt.job_id == Job.id, JobAttempt.attempt == Job.attempt
        )
        lost = [(row[0], row[1]) for row in session.exec(query).all() if row[2] or row[3] in dead_workers]
    for job_id, attempt in lost:
        where: tuple[ColumnElement[bool], ...] = (
            col(Job.id) == job_id,
            col(Job.attempt) == attempt,
            col(Job.state) == JobState.RUNNING,
        )
        if not dead_workers:
            where = (*where, col(Job.lease_until) < db.now())
        try:
            ended.append((job_id, _expire_one(job_id, attempt, where)))
        except LeaseLost:
            continue  # another sweeper was first, or the worker renewed after all
    return ended


def _expire_one(job_id: str, attempt: int, where: tuple[Any, ...]) -> str:
    with db.writing() as session:
        job = session.get_one(Job, job_id, populate_existing=True)
        stuck = _stuck(session, job_id, attempt)
        if job.cancel_at is None and stuck < settings().max_attempts:
            _requeue(session, job_id, attempt, "lease_expired", "its worker stopped answering", stuck, where)
            return JobState.QUEUED
        values: dict[str, Any] = {"state": JobState.CANCELLED}
        if job.cancel_at is None:
            values = {
                "state": JobState.FAILED,
                "error_code": "crash_loop",
                "error": f"The worker died {stuck} times in a row before the job got any further.",
                "remedy": "Look at the log, then try a smaller batch or a shorter row length.",
            }
        ended = (
            update(Job).where(*where).values(stage=None, lease_owner=None, eta_s=None, finished_at=db.now(), **values)
        )
        if not session.exec(ended).rowcount:
            raise LeaseLost(job_id)
        _end_attempt(session, job_id, attempt, "lease_expired")
        events.append(session, job_id, attempt, "cancelled" if job.cancel_at else "failed", code="crash_loop")
        return str(values["state"])


def unrung(older_than_s: float) -> list[str]:
    """Jobs that wait and whose doorbell rang too long ago, or never; marks them as rung now."""
    with db.writing() as session:
        stale = (
            update(Job)
            .where(col(Job.state) == JobState.QUEUED, col(Job.rung_at) < db.now() - older_than_s)
            .values(rung_at=db.now())
            .returning(col(Job.id))
        )
        return list(session.execute(stale).scalars())
