"""Deletes base models: the row at once, the files when no result rests on them any more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import col, select

from storage import db, deleted_names, job_inputs
from storage.bases import base_models
from storage.gallery import artifacts
from storage.models import TERMINAL, Artifact, BaseModelRow, Job, JobInput, User
from storage.settings import settings
from templates.errors import Conflict, NotAllowed, NotFound


def delete(user: User, name_or_id: str) -> int:
    """Take a base model out of the lists and free its name; returns how many results rest on it, and keep its files.

    Raises `NotFound`, `NotAllowed` for a shared model unless the user is an administrator, and `Conflict` for a
    bundled one or while a job that uses it has not ended.
    """
    row = base_models.get(user, name_or_id)
    if row.source == "bundled":
        raise Conflict(f"“{row.name}” is part of the studio and can't be deleted.")
    if row.is_shared and not user.is_admin:
        raise NotAllowed(f"“{row.name}” is shared with everybody.", remedy="Ask an administrator to delete it.")
    with db.writing() as session:
        kept = session.get_one(BaseModelRow, row.id)
        if kept.deleted_at is not None:
            raise NotFound(f"There is no base model “{name_or_id}”.")
        job_inputs.refuse_used(session, kept)
        kept.deleted_at = db.clock(session)
        kept.name = deleted_names.deleted(row.name, row.id)
    return sum(base.id == row.id for base in _under_results(0.0).values())


def _under_results(older_than_s: float) -> dict[str, BaseModelRow]:
    """The base model under each result that is not deleted, or was deleted less than `older_than_s` ago, by id."""
    with db.reading() as session:
        since = db.now() - older_than_s
        live = select(Artifact).where(col(Artifact.deleted_at).is_(None) | (col(Artifact.deleted_at) > since))
        return artifacts.bases_of(session.exec(live).all())


def unneeded(older_than_s: float) -> Iterator[Path]:
    """Folders of models that were deleted this long ago, and that no result and no unfinished job needs."""
    needed = {row.id for row in _under_results(older_than_s).values()}
    with db.reading() as session:
        used = select(JobInput.base_model_id).join(Job, col(Job.id) == JobInput.job_id)
        needed |= {key for key in session.exec(used.where(col(Job.state).not_in(TERMINAL))) if key}
        since = db.now() - older_than_s
        live = col(BaseModelRow.deleted_at).is_(None) | (col(BaseModelRow.deleted_at) > since)
        kept = select(BaseModelRow.location).where(live | col(BaseModelRow.id).in_(needed))
        locations = {settings().files / location for location in session.exec(kept)}
    for folder in (settings().files / base_models.BASES).glob("[!.]*"):
        if folder not in locations and time.time() - folder.stat().st_ctime > older_than_s:
            yield folder
