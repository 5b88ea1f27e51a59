"""A job's history: append-only events, and the points of its charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import tuple_
from sqlmodel import Session, col, select

from storage import db, listing
from storage.listing import Page, Place
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


def page(job_id: str, place: Place) -> Page[JobEvent]:
    """Some of the job's events, oldest first, after the one with that id."""
    query = select(JobEvent).where(JobEvent.job_id == job_id)
    if place.after is not None:
        if not place.after.isdecimal():
            raise listing.unknown(place.after)
        query = query.where(col(JobEvent.id) > int(place.after))
    with db.reading() as session:
        found = session.exec(query.order_by(col(JobEvent.id)).limit(place.limit + 1)).all()
    return listing.cut(found, place.limit, [str(event.id) for event in found])


def metrics_page(job_id: str, place: Place) -> Page[JobMetric]:
    """Some of the chart's points by split and step, after the point `split:step`."""
    order = (col(JobMetric.split), col(JobMetric.step))
    query = select(JobMetric).where(JobMetric.job_id == job_id)
    if place.after is not None:
        split, _, step = place.after.rpartition(":")
        if not step.isdecimal():
            raise listing.unknown(place.after)
        query = query.where(tuple_(*order) > (split, int(step)))
    with db.reading() as session:
        found = session.exec(query.order_by(*order).limit(place.limit + 1)).all()
    return listing.cut(found, place.limit, [f"{point.split}:{point.step}" for point in found])
