"""A job in a few words: its state, method and progress."""

from __future__ import annotations

from app.formats import minutes_range
from app.job_states import STATES
from storage.jobs import jobs, time_left
from storage.models import Job, JobState
from templates import registry
from templates.quantities import stopped_at


def stopped(job: Job) -> str:
    """`stopped at 6 of 61 steps` for a training that someone stopped and kept; empty for others."""
    found = (job.result or {}).get("stopped")
    if not found and job.cancel_keep and job.state == JobState.SUCCEEDED and job.step < job.total_steps:
        found = {"step": job.step, "of": job.total_steps}  # verdicts of earlier versions don't say it
    return stopped_at(found["step"], found["of"]) if found else ""


def ended(job: Job) -> str:
    """How a job ended."""
    return stopped(job) or STATES[JobState(job.state)]


def share_done(job: Job) -> float:
    """How much of the job's time has passed, between 0 and 1; of a stopped training, how far it went."""
    return job.step / job.total_steps if stopped(job) else time_left.share_done(job)


def left(job: Job) -> str:
    """The time that a running job still takes: `≈ 3–5 min`; empty if nothing is known, or for other jobs."""
    found = time_left.left(job) if job.state == JobState.RUNNING else None
    return minutes_range(found.low_s / 60, found.high_s / 60) if found else ""


def state(job: Job, place: int | None = None) -> str:
    """State, or the stage of a running job, or the place in the queue, which is looked up if not given."""
    if job.state == JobState.QUEUED:
        place = place or jobs.position(job)
        return f"waiting, number {place} in the queue" if place else "waiting"
    if job.state == JobState.RUNNING:
        return "stopping" if job.cancel_at else str(job.stage or "starting")
    return ended(job)


def method(job: Job) -> str:
    """The job's method."""
    return registry.job_kind(job.kind).way(job.spec)
