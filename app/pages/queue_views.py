"""The workers and the queue, as everybody may see them: without hosts, process ids or other people's names."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from app.markup import html
from app.pages import job_words
from storage.jobs import job_lists, worker_rows
from storage.models import Job, User, Worker


@dataclass(frozen=True)
class Working:
    """A live worker and its jobs."""

    name: str
    doing: str
    mine: list[tuple[Job, str, float, str]]
    """The reader's jobs that it runs: the job, its stage, its share done, and the time left."""
    n_others: int
    """Other people's jobs that it runs."""


def queue(user: User) -> Markup:
    """The live workers, what each runs, and how many jobs wait."""
    running = job_lists.by_worker()
    alive = worker_rows.alive()
    workers = [_working(user, worker, place, running.get(worker.id, [])) for place, worker in enumerate(alive, 1)]
    return html("jobs/queue", workers=workers, n_waiting=job_lists.n_waiting())


def _working(user: User, worker: Worker, place: int, running: list[Job]) -> Working:
    mine = [job for job in running if job.owner_id == user.id]
    doing = "starting" if not worker.ready else "idle"
    if worker.draining:
        doing = "stops after its jobs"
    return Working(
        name=f"Worker {place} · {'CPU' if worker.device == 'cpu' else worker.device}",
        doing=doing,
        mine=[(job, job_words.state(job), job_words.share_done(job), job_words.left(job)) for job in mine],
        n_others=len(running) - len(mine),
    )
