"""The rows that a model wrote to be replayed."""

from __future__ import annotations

from markupsafe import Markup

from app.formats import count
from app.markup import html
from storage import job_inputs
from storage.data import datasets
from storage.models import Job, User
from templates.roles import Role


def block(user: User, job: Job) -> Markup:
    """How many rows there are, what was dropped and why, and links to the data and to Train."""
    result = job.result or {}
    model, made = job_inputs.of_job(job.id).model(Role.MODEL), datasets.made_by(user, job.id)
    return html(
        "jobs/own_rows",
        sentence=result.get("sentence", ""),
        counts=[f"{count(one['count'])} {one['outcome']}" for one in result.get("dropped") or ()],
        model=model.name if model and model.deleted_at is None else "",
        made=made,
    )
