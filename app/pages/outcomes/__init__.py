"""The outcomes on job pages: one file per kind of job, with `block(user, job)`."""

from __future__ import annotations

import importlib

from markupsafe import Markup

from storage import job_inputs
from storage.data import openings
from storage.models import Job, JobState, User


def block(user: User, job: Job) -> Markup:
    """The outcome of a job that succeeded, as HTML; empty for any other."""
    if job.state != JobState.SUCCEEDED or not job.result:
        return Markup("")
    shown: Markup = importlib.import_module(f"{__name__}.{job.kind}").block(user, job)
    return shown


def opened(job: Job) -> int | None:
    """How often the held-out side behind the job's verdict has been opened."""
    measured_on = job_inputs.of_job(job.id).measured_on
    return openings.counts(job.owner_id).get(measured_on.id) if measured_on else None
