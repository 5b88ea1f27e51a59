"""The user's jobs as a table, and in brief."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.markup import html
from app.pages import job_words, layout, lineage
from storage.job_inputs import Inputs
from storage.jobs import jobs
from storage.models import TERMINAL, Job, JobState, User

N_IN_BRIEF = 3


@dataclass(frozen=True)
class Line:
    """A job's line of the table."""

    job: Job
    state: str
    done: float
    left_s: float | None
    method: str
    models: str
    data: str


def listing(found: Sequence[Job], used: Mapping[str, Inputs]) -> Markup:
    """The user's jobs as a table."""
    if not found:
        return layout.empty("Your jobs appear here. Each trains or scores models on your data.", "train", "Train ›")
    lines = [
        Line(
            job=job,
            state=job_words.state(job),
            done=job_words.share_done(job),
            left_s=job.eta_s if job.state == JobState.RUNNING else None,
            method=job_words.method(job),
            models=lineage.models(used[job.id]) or "–",
            data=lineage.data(used[job.id]) or "–",
        )
        for job in found
    ]
    return html("jobs/listing", lines=lines)


def in_brief(user: User) -> Markup:
    """For the Start page: the jobs that run or wait, and how the last one ended."""
    found = jobs.of_user(user)
    live = [job for job in found if job.state not in TERMINAL][:N_IN_BRIEF]
    ended = next((job for job in found if job.state in TERMINAL), None)
    return html(
        "jobs/brief",
        live=[(job, job_words.state(job), job_words.share_done(job), job_words.left(job)) for job in live],
        ended=ended,
        ended_at=ended and (ended.finished_at or time.time()),
        outcome=ended and ((ended.result or {}).get("sentence") or job_words.state(ended)),
    )
