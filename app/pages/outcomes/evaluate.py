"""The scores of an evaluation, on a dataset or on a suite."""

from __future__ import annotations

from app.pages import job_views, suite_views
from storage.models import Job, User


def block(_user: User, job: Job) -> str:
    """The comparisons with the first model, or the scores alone."""
    result = job.result or {}
    if "suite" in result:
        return f'<section class="card verdict">{suite_views.block(result)}</section>'
    return job_views.scores(result)
