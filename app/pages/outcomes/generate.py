"""The dataset that a generation made."""

from __future__ import annotations

from markupsafe import Markup

from app.markup import html
from storage.data import datasets
from storage.models import Job, User


def block(user: User, job: Job) -> Markup:
    """The answered prompts, and a link to the rows."""
    sentence = (job.result or {}).get("sentence", "")
    return html("jobs/generated", sentence=sentence, made=datasets.made_by(user, job.id))
