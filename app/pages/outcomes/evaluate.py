"""The scores of an evaluation, on a dataset or on a suite."""

from __future__ import annotations

from markupsafe import Markup

from app.markup import html
from app.pages import job_outcome, outcomes, suite_views
from storage.models import Job, User


def block(_user: User, job: Job) -> Markup:
    """The comparisons with the first model, or the scores alone."""
    result = job.result or {}
    if "suite" in result:
        return html("jobs/verdict", verdict=suite_views.block(result), estimate="", artifact=None)
    return job_outcome.scores(result, outcomes.opened(job))
