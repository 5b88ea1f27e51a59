"""The verdict of a training, and the ways onward from what it published."""

from __future__ import annotations

from app.pages import job_views, published
from storage.gallery import artifacts
from storage.models import Job, User


def block(user: User, job: Job) -> str:
    """Verdict, estimate and ways onward."""
    artifact = published.result_of(user, job)
    return job_views.verdict(job, artifacts.base_of(artifact).name if artifact else "", artifact)
