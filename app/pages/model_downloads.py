"""Models on their way: the jobs that add them, with bytes, time left, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from app.formats import percent
from app.markup import html
from app.pages import job_words
from storage.bases import proposed
from storage.jobs import job_lists
from storage.models import TERMINAL, Job, JobState, User
from templates import registry

KIND = "download"
FAILED_S = 24 * 3600.0
"""How long a failure is shown here; the Jobs page keeps it."""


@dataclass(frozen=True)
class Line:
    """A job that adds a model."""

    job: Job
    words: list[str]
    is_live: bool
    done: float
    error: str
    remedy: str


def on_its_way(user: User) -> Markup:
    """The list; empty if there is nothing."""
    found = job_lists.of_kind(user, KIND, FAILED_S)
    places = job_lists.positions(found)
    return html("models/on_its_way", lines=[_line(job, places.get(job.id)) for job in found])


def entries(user: User) -> set[str]:
    """The names of the catalogue's entries that are on their way."""
    live = (job for job in job_lists.of_kind(user, KIND, 0) if job.state not in TERMINAL)
    found = (proposed.entry_of_job(job) for job in live)
    return {entry.name for entry in found if entry}


def _line(job: Job, place: int | None) -> Line:
    is_live, kind = job.state not in TERMINAL, registry.job_kind(job.kind)
    words = [job_words.state(job, place)]
    if is_live and job.total_steps:
        words.append(kind.counted(job.step, job.total_steps))
    done = job_words.share_done(job)
    if is_live and job.state == JobState.RUNNING:
        words.append(percent(done))
        waiting = kind.waiting.get(job.stage or "")
        left = job_words.left(job)
        words += [*filter(None, [waiting]), *([f"{left} left"] if left else [])]
    return Line(job, words, is_live, done, job.error or "", job.remedy or "")
