"""What a job's page shows once it has succeeded: one file for each kind of job, with `block(user, job)`."""

from __future__ import annotations

import importlib

from storage.models import Job, JobState, User


def block(user: User, job: Job) -> str:
    """The outcome of a job that succeeded, as HTML; empty for any other."""
    if job.state != JobState.SUCCEEDED or not job.result:
        return ""
    shown: str = importlib.import_module(f"{__name__}.{job.kind}").block(user, job)
    return shown
