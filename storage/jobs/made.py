"""Adds the row of a job's result, inside the transaction that ends the job."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from storage import db
from storage.data import dataset_names
from storage.gallery import artifacts
from storage.jobs import events
from storage.models import Artifact, BaseModelRow, Dataset, Job

Made = Artifact | Dataset | BaseModelRow
NAME_TRIES = 5


def put(session: Session, job: Job, attempt: int, made: Made) -> None:
    """Add the row. If its name has been taken meanwhile, it gets a number, and an event says so.

    It belongs to the job's owner of this moment: the job may have been given to somebody since it was claimed.
    """
    owner_id = session.exec(select(Job.owner_id).where(Job.id == job.id)).one()
    wanted, made.created_at = made.name, db.clock(session)
    if isinstance(made, BaseModelRow):
        made.owner_id = None if made.is_shared else owner_id
        _put_under_free_name(session, made, partial(artifacts.free_name, session, owner_id, wanted))
    else:
        made.owner_id = owner_id
    if isinstance(made, Artifact):
        made.name = artifacts.free_name(session, made.owner_id, wanted)
        made.duration_s = made.created_at - (job.started_at or made.created_at)
        session.merge(made)  # a copy: the caller may try again after a lost connection
    elif isinstance(made, Dataset):
        _put_under_free_name(session, made, partial(dataset_names.free_name, session, owner_id, wanted))
    if made.name != wanted:
        events.append(session, job.id, attempt, "renamed", wanted=wanted, name=made.name)
        made.name = wanted


def _put_under_free_name(session: Session, made: Dataset | BaseModelRow, free: Callable[[], str]) -> None:
    for left in reversed(range(NAME_TRIES)):
        made.name = free()
        try:
            with session.begin_nested():
                session.merge(made)
            return
        except IntegrityError:  # somebody took the name between the look and the row
            if not left:
                raise
