"""A job's history: append-only events, and the points of its charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from storage import db
from storage.models import JobEvent, JobMetric


def append(session: Session, job_id: str, attempt: int, kind: str, **data: Any) -> None:
    """Add an event inside the caller's transaction."""
    session.add(JobEvent(job_id=job_id, attempt=attempt, at=db.clock(session), kind=kind, data=data))


def of_job(job_id: str, kind: str | None = None) -> Sequence[JobEvent]:
    """The job's events, oldest first."""
    query = select(JobEvent).where(JobEvent.job_id == job_id).order_by(col(JobEvent.id))
    if kind:
        query = query.where(JobEvent.kind == kind)
    with db.reading() as session:
        return session.exec(query).all()


def put_metric(session: Session, point: JobMetric) -> None:
    """Add a chart point, or replace the one that an earlier attempt drew for the same step."""
    session.merge(point)


def metrics(job_id: str) -> Sequence[JobMetric]:
    """The chart's points by split and step."""
    query = select(JobMetric).where(JobMetric.job_id == job_id)
    with db.reading() as session:
        return session.exec(query.order_by(col(JobMetric.split), col(JobMetric.step))).all()
