"""A job in a few words: its state, method and progress."""

from __future__ import annotations

from storage.jobs import jobs
from storage.models import Job, JobState
from templates import registry

STATES = {
    JobState.QUEUED: "waiting",
    JobState.RUNNING: "running",
    JobState.SUCCEEDED: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}


def share_done(job: Job) -> float:
    """How much of the training is done, between 0 and 1."""
    if job.state == JobState.SUCCEEDED:
        return 1.0
    return min(1.0, job.step / job.total_steps) if job.total_steps else 0.0


def state(job: Job) -> str:
    """State, or the stage of a running job, or the place in the queue."""
    if job.state == JobState.QUEUED:
        place = jobs.position(job)
        return f"waiting, number {place} in the queue" if place else "waiting"
    if job.state == JobState.RUNNING:
        return "stopping" if job.cancel_at else str(job.stage or "starting")
    return STATES[JobState(job.state)]


def method(job: Job) -> str:
    """The job's method."""
    return registry.job_kind(job.kind).way(job.spec)
