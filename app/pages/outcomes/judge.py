"""What a judge said of two models' answers, and how far votes bear it out."""

from __future__ import annotations

from markupsafe import Markup

from app.pages import judged_views, outcomes
from storage.models import Job, User


def block(_user: User, job: Job) -> Markup:
    """The headline, the win rates behind it, remarks, and pairs to read."""
    return judged_views.outcome(job.result or {}, outcomes.opened(job))
