"""The dataset that a generation made."""

from __future__ import annotations

from markupsafe import Markup

from app.formats import count
from app.markup import html
from app.pages import lineage
from storage.data import datasets
from storage.models import Job, User


def block(user: User, job: Job) -> Markup:
    """The answered prompts, who answered them, how many were dropped and why, and a link to the rows."""
    result = job.result or {}
    dropped = result.get("dropped") or []
    return html(
        "jobs/generated",
        sentence=result.get("sentence", ""),
        teacher=lineage.teacher(result.get("teacher") or {}),
        dropped=dropped,
        counts=[
            f"{count(result.get('n_rows', 0))} were kept",
            *(f"{count(one['count'])} {one['outcome']}" for one in dropped),
        ],
        made=datasets.made_by(user, job.id),
    )
