"""Any worker recovers jobs that nobody holds any more: it takes them back and rings for them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlmodel import col, select

from storage import db
from storage.jobs import events, leases
from storage.models import Job, JobAttempt, JobState
from storage.settings import settings


def expire(*, dead_workers: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Take jobs from workers that stopped renewing, or are known to be dead.

    Returns (job id, new state). A job whose owner asked to discard it ends as CANCELLED; a job lost too
    often without progress ends as FAILED (`crash_loop`); the others wait again, and the next attempt
    publishes what their owner asked to keep.
    """
    ended = []
    with db.reading() as session:
        query = select(Job.id, Job.attempt, Job.lease_until < db.now(), JobAttempt.worker).where(
            Job.state == JobState.RUNNING, JobAttempt.job_id == Job.id, JobAttempt.attempt == Job.attempt
        )
        running = session.exec(query).all()
    for job_id, attempt, is_over, worker in running:
        where: tuple[ColumnElement[bool], ...] = (
            col(Job.id) == job_id,
            col(Job.attempt) == attempt,
            col(Job.state) == JobState.RUNNING,
        )
        if worker not in dead_workers:
            if not is_over:
                continue
            where = (*where, col(Job.lease_until) < db.now())
        try:
            ended.append((job_id, _expire_one(job_id, attempt, where)))
        except leases.LeaseLost:
            continue  # another sweeper was faster, or the worker renewed after all
    return ended


def _expire_one(job_id: str, attempt: int, where: tuple[Any, ...]) -> str:
    with db.writing() as session:
        job = session.get_one(Job, job_id, populate_existing=True)
        stuck = leases.times_stuck(session, job_id, attempt)
        discarded = job.cancel_at is not None and not job.cancel_keep
        if not discarded and stuck < settings().max_attempts:
            leases.requeue(session, job_id, attempt, "lease_expired", "its worker stopped responding", stuck, where)
            return JobState.QUEUED
        values: dict[str, Any] = {"state": JobState.CANCELLED}
        if not discarded:
            values = {
                "state": JobState.FAILED,
                "error_code": "crash_loop",
                "error": f"The worker died {stuck} times in a row before the job got any further.",
                "remedy": "Check the log, then try a smaller batch or a shorter row length.",
            }
        ended = (
            update(Job).where(*where).values(stage=None, lease_owner=None, eta_s=None, finished_at=db.now(), **values)
        )
        if not session.exec(ended).rowcount:
            raise leases.LeaseLost(job_id)
        leases.end_attempt(session, job_id, attempt, "lease_expired")
        if discarded:
            events.append(session, job_id, attempt, "cancelled", while_state="RUNNING")
        else:
            events.append(session, job_id, attempt, "failed", code="crash_loop", message=values["error"])
        return str(values["state"])


def unrung(older_than_s: float) -> list[str]:
    """Waiting jobs whose doorbell rang too long ago, or never; marks them as rung now."""
    with db.writing() as session:
        stale = (
            update(Job)
            .where(col(Job.state) == JobState.QUEUED, col(Job.rung_at) < db.now() - older_than_s)
            .values(rung_at=db.now())
            .returning(col(Job.id))
        )
        return list(session.execute(stale).scalars())
