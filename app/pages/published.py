"""Finds the artifact that a job published."""

from __future__ import annotations

from storage.gallery import artifacts
from storage.models import Artifact, Job, User
from templates.errors import NotFound


def result_of(user: User, job: Job) -> Artifact | None:
    """The artifact that the job published; None if it was deleted."""
    if not job.artifact_id:
        return None
    try:
        return artifacts.get(user, job.artifact_id)
    except NotFound:
        return None
