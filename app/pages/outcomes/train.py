"""The verdict of a training, and the ways onward from what it published."""

from __future__ import annotations

from markupsafe import Markup

from app.pages import job_outcome, outcomes, published
from storage.gallery import chains
from storage.models import Job, User


def block(user: User, job: Job) -> Markup:
    """Verdict, estimate and ways onward."""
    artifact = published.result_of(user, job)
    base = chains.of(artifact).before if artifact else ""
    return job_outcome.verdict(job, base, artifact, outcomes.opened(job))
