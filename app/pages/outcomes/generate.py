"""The dataset that a generation made."""

from __future__ import annotations

from urllib.parse import quote

from app.formats import escaped
from storage.data import datasets
from storage.models import Job, User


def block(user: User, job: Job) -> str:
    """What was answered, and the way to the rows."""
    made = datasets.made_by(user, job.id)
    way = ""
    if made is not None:
        way = f'<p class="ways"><a class="button primary" href="data?data={quote(made.name)}">See the rows</a></p>'
    sentence = escaped((job.result or {}).get("sentence", ""))
    return f'<section class="card verdict"><p>{sentence}</p>{way}</section>'
