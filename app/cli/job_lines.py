"""A job in sentences for the terminal: what it uses, how far it is, how it ended, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.cli import output, waiting
from app.formats import duration, minutes_range, percent
from app.job_states import STATES
from storage import job_inputs
from storage.job_inputs import Input
from storage.jobs import jobs, time_left, worker_rows
from storage.models import TERMINAL, Dataset, Job, JobEvent, JobState
from storage.planning import contrasts
from templates import registry
from templates.quantities import plural, size
from templates.roles import Role

SHORT_KEY = 12
"""Characters of the key of what is kept of a teacher; commands take its beginning."""


def of(job: Job, history: Sequence[JobEvent]) -> list[str]:
    """All that there is to say about it."""
    kind = registry.job_kind(job.kind)
    state = STATES[JobState(job.state)]
    took = job.finished_at - job.started_at if job.finished_at and job.started_at else None
    after = f" after {duration(took)}" if took is not None else ""
    return [
        f"{job.name} ({kind.title}): {state}{after}.",
        f"Job {job.id}, submitted {output.when(job.created_at)}.",
        *_uses(job),
        *_way(job),
        *_kept_of_teacher(history),
        *_interruptions(history),
        *(waiting.outcome(job) if job.state in TERMINAL else [_progress(job)]),
        *_next(job),
    ]


def _uses(job: Job) -> list[str]:
    """Every input with its role."""
    used = [_named(one) for one in job_inputs.of_jobs([job.id], names_only=True)[job.id]]
    return [f"It uses {', '.join(used)}."] if used else []


def _named(one: Input) -> str:
    gone = ", deleted since" if one.thing.deleted_at is not None else ""
    what = "data" if isinstance(one.thing, Dataset) and one.role == Role.TRAINING else one.role.replace("_", " ")
    return f"{what} “{one.thing.name}”{gone}"


def _way(job: Job) -> list[str]:
    way = registry.job_kind(job.kind).way(job.spec)
    recipe: dict[str, Any] = job.spec.get("recipe") or {}
    learned = f"objective {recipe['objective']}, method " if "objective" in recipe else ""
    lines = [f"Way: {learned}{way}."] if way else []
    return [*lines, *([f"Instruction: {recipe['instruction']}"] if recipe.get("instruction") else [])]


def _kept_of_teacher(history: Sequence[JobEvent]) -> list[str]:
    """What the job kept of its teacher, or found kept by an earlier one."""
    told = next((event.data for event in reversed(history) if event.kind == "teacher_kept"), None)
    if told is None:
        return []
    whence = "read by this job" if told["read_now"] else "found from an earlier job"
    return [
        f"Kept of “{told['teacher']}”: {plural(told['tokens'], 'token')}, {size(told['size_bytes'])}, {whence}. "
        f"Its key is {told['key'][:SHORT_KEY]}; list all: studio models readings"
    ]


def _interruptions(history: Sequence[JobEvent]) -> list[str]:
    return [
        f"Attempt {event.attempt} ended: {event.data.get('why', 'unknown')}; it was queued again."
        for event in history
        if event.kind == "requeued"
    ]


def _progress(job: Job) -> str:
    if job.state == JobState.QUEUED:
        place = jobs.position(job)
        return f"It is number {place} in the queue." if place else "It waits for a worker."
    doing = "It is stopping" if job.cancel_at else f"It is at: {job.stage or 'starting'}"
    counted = registry.job_kind(job.kind).counted(job.step, job.total_steps) if job.total_steps else ""
    left = time_left.left(job)
    parts = [
        doing,
        counted,
        f"{percent(time_left.share_done(job))} of the time has passed",
        f"{minutes_range(left.low_s / 60, left.high_s / 60)} left" if left else "",
    ]
    return f"{', '.join(filter(None, parts))}."


def _next(job: Job) -> list[str]:
    """The commands that come next, in sentences."""
    kind = registry.job_kind(job.kind)
    if job.state == JobState.QUEUED:
        lacks = [] if worker_rows.alive() else ["No worker is running: start one with studio worker."]
        return [*lacks, f"To cancel it: studio jobs cancel {job.id}"]
    if job.state == JobState.RUNNING:
        keep = [f"To stop it and keep what it has learned: studio jobs cancel {job.id} --keep"] if kind.trains else []
        return [*keep, f"To cancel it: studio jobs cancel {job.id}"]
    if job.state == JobState.SUCCEEDED:
        made = {"artifact": "studio artifacts show", "dataset": "studio data show", "model": "studio models list"}
        where = made.get(kind.publishes or "")
        named = job.name if kind.publishes != "model" else ""
        return [*([f"The result: {where} {named}".rstrip()] if where else []), *_without_teacher(job)]
    return [f"To run it again: studio jobs retry {job.id}"]


def _without_teacher(job: Job) -> list[str]:
    """How to see what the teacher was worth."""
    if contrasts.objective(job, job_inputs.of_job(job.id)) is None:
        return []
    return [f"To run the same without a teacher: studio jobs contrast {job.id}"]
