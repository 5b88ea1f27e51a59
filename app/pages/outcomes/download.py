"""The base model that a download added."""

from __future__ import annotations

from markupsafe import Markup

from app.markup import html
from storage.bases import base_models
from storage.models import Job, User


def block(user: User, job: Job) -> Markup:
    """What is known about the model, and the way to train it."""
    sentence = (job.result or {}).get("sentence", "")
    return html("jobs/added", sentence=sentence, made=base_models.made_by(user, job.id))
