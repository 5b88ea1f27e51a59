"""Adds the row of a job's result, inside the transaction that ends the job."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from storage import db
from storage.data import dataset_names
from storage.gallery import artifacts
from storage.jobs import events
from storage.models import Artifact, Dataset, Job

Made = Artifact | Dataset
NAME_TRIES = 5


def put(session: Session, job: Job, attempt: int, made: Made) -> None:
    """Add the row. If its name has been taken meanwhile, it gets a number, and an event says so.

    It belongs to the job's owner of this moment: the job may have been given to somebody since it was claimed.
    """
    made.owner_id = session.exec(select(Job.owner_id).where(Job.id == job.id)).one()
    wanted, made.created_at = made.name, db.clock(session)
    if isinstance(made, Artifact):
        made.name = artifacts.free_name(session, made.owner_id, wanted)
        made.duration_s = made.created_at - (job.started_at or made.created_at)
        session.merge(made)  # a copy: the caller may try again after a lost connection
    else:
        _put_dataset(session, made)
    if made.name != wanted:
        events.append(session, job.id, attempt, "renamed", wanted=wanted, name=made.name)
        made.name = wanted


def _put_dataset(session: Session, made: Dataset) -> None:
    wanted = made.name
    for left in reversed(range(NAME_TRIES)):
        made.name = dataset_names.free_name(session, made.owner_id, wanted)
        try:
            with session.begin_nested():
                session.merge(made)
            return
        except IntegrityError:  # somebody took the name between the look and the row
            if not left:
                raise
