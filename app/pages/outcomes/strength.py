"""What less strength keeps: the curve and its numbers."""

from __future__ import annotations

from markupsafe import Markup

from app.pages import strength_views
from storage.models import Job, User


def block(_user: User, job: Job) -> Markup:
    """What to use, the curve, and the numbers behind it."""
    return strength_views.outcome(job.result or {})
