"""Removes files that nothing refers to any more: left by users who went away, killed workers or deletions."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import col, select

from storage import blobs, db, scratch, teacher_readings
from storage.bases import deletions, measurements, sources
from storage.bases.sources import SOURCE
from storage.data import uploads
from storage.jobs import workspaces
from storage.models import TERMINAL, Artifact, Job, JobState, User
from storage.planning import generations
from storage.settings import settings
from templates import registry

KEEP_S = 24 * 3600.0
"""Nothing is removed for a day: a published folder may wait for its row, a deleted artifact may still be open
in a chat, or somebody may want the checkpoints of a failed job or continue with a file."""

JUST_USED_S = 600.0
"""A folder that a job has used this lately may belong to one that was submitted a moment ago."""


def collect(older_than_s: float = KEEP_S) -> list[Path]:
    """Remove unneeded files; returns what was removed."""
    removed = [*_artifacts(older_than_s), *_workspaces(older_than_s), *_downloads(older_than_s)]
    removed += [*_asked(older_than_s), *deletions.unneeded(older_than_s), *measurements.unneeded(older_than_s)]
    removed += teacher_readings.unneeded(older_than_s)
    for path in removed:
        shutil.rmtree(path, ignore_errors=True)
    uploads.discard_unused(older_than_s)
    return [*removed, *scratch.collect(), *_received(older_than_s), *blobs.collect(older_than_s)]


def _received(older_than_s: float) -> Iterator[Path]:
    """Remove complete or partial uploads that no page used, for example because the browser was closed."""
    for path in settings().inbox.rglob("*"):
        if path.is_file() and _age_s(path) > older_than_s:
            path.unlink(missing_ok=True)
            yield path


def _artifacts(older_than_s: float) -> Iterator[Path]:
    with db.reading() as session:
        since = db.now() - older_than_s
        live = col(Artifact.deleted_at).is_(None) | (col(Artifact.deleted_at) > since)
        owned = col(User.removed_at).is_(None) | (col(User.removed_at) > since)  # a job may end after its owner left
        kept = select(Artifact.location).join(User, col(User.id) == Artifact.owner_id).where(live, owned)
        referenced = {settings().files / location for location in session.exec(kept)}
    for folder in (settings().files / "artifacts").glob("*/*"):
        if folder not in referenced and _age_s(folder) > older_than_s:
            yield folder


def _workspaces(older_than_s: float) -> Iterator[Path]:
    with db.reading() as session:
        done = {JobState.SUCCEEDED, JobState.CANCELLED}
        query = select(Job.id, Job.state, db.now() - Job.finished_at).where(col(Job.finished_at).is_not(None))
        ended = [row[0] for row in session.exec(query) if row[1] in done or row[2] > older_than_s]
    for job_id in ended:
        for folder in (workspaces.checkpoints(job_id), *workspaces.folder(job_id).glob("staging-*")):
            if folder.is_dir():
                yield folder


def _downloads(older_than_s: float) -> Iterator[Path]:
    """What arrived for jobs that add models, once none of them needs it: not even a failed one, to go on with."""
    kinds = [kind.key for kind in registry.job_kinds().values() if kind.publishes == "model"]
    with db.reading() as session:
        failed = (col(Job.state) == JobState.FAILED) & (col(Job.finished_at) > db.now() - older_than_s)
        asked = select(Job.spec).where(col(Job.kind).in_(kinds), col(Job.state).not_in(TERMINAL) | failed)
        needed = {sources.shared_folder(SOURCE.validate_python(spec["source"])) for spec in session.exec(asked)}
    for folder in (settings().files / sources.DOWNLOADS).glob("*"):
        if folder not in needed and _age_s(folder) > min(older_than_s, JUST_USED_S):
            yield folder


def _asked(older_than_s: float) -> Iterator[Path]:
    """Answers of services that no unfinished job goes on from, once they have not changed for a while."""
    with db.reading() as session:
        specs = session.exec(select(Job.spec).where(col(Job.state).not_in(TERMINAL)))
        needed = {spec["endpoint"]["asked"] for spec in specs if spec.get("endpoint")}
    for folder in (settings().files / generations.ASKED).glob("*"):
        age_s = min(_age_s(path) for path in (folder, *folder.iterdir()))
        if folder.name not in needed and age_s > older_than_s:
            yield folder


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_ctime
