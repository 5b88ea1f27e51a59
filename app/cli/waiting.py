"""`--wait`: follows a job on stderr, and starts a worker if none is running."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from app.api import documents
from app.cli import output, verdicts
from app.formats import minutes_range
from storage.gallery import strength_table, suite_table
from storage.jobs import events, jobs, time_left, waiting
from storage.models import Job, JobState, Stage, User
from templates import registry
from templates.errors import StudioError


def report(
    user: User, job: Job, wait: bool, as_json: bool, further: Callable[[Job], dict[str, Any]] = lambda _job: {}
) -> None:
    """Report a submitted job, once it has finished if `wait`; exits with 1 if it failed.

    `further` adds to the document of a finished job.
    """
    if wait:
        job = ended(user, job)
    document = {**documents.of_job(job), **(further(job) if wait else {})}
    output.emit(
        document, outcome(job) if wait else [f"Job {job.id} is waiting. Follow it: studio jobs show {job.id}"], as_json
    )
    if wait and job.state != JobState.SUCCEEDED:
        raise typer.Exit(StudioError.exit_code)


def outcome(job: Job) -> list[str]:
    """How a finished job ended, in sentences."""
    if job.state == JobState.SUCCEEDED:
        result = job.result or {}
        table = suite_table.lines(result) if "suite" in result else []
        table += strength_table.lines(result) if "strengths" in result else []
        table += result["remarks"] if "judge" in result else []
        forgotten = result.get("forgotten") or {}
        said = [result.get("sentence"), forgotten.get("sentence"), (forgotten.get("own") or {}).get("sentence")]
        measured = verdicts.measured(result, result.get("opening"))
        return [" ".join([f"{job.name}: done.", *filter(None, said)]), *measured, *table]
    why = f" {job.error}" if job.error else ""
    return [f"{job.name}: {job.state}.{why} {job.remedy or ''}".rstrip(), f"The log: studio jobs logs {job.id}"]


def ended(user: User, job: Job) -> Job:
    """The finished job, whatever its outcome."""
    try:
        return waiting.ended(user, job, output.note, _progress)
    except KeyboardInterrupt:
        output.note(f"Stopped waiting. Job {job.id} continues while a worker runs: studio jobs show {job.id}")
        raise


def _progress(job: Job) -> str:
    if job.state == JobState.QUEUED:
        return f"queued, place {jobs.position(job)}"
    left = time_left.left(job)
    eta = f", {minutes_range(left.low_s / 60, left.high_s / 60)} left" if left else ""
    if not job.total_steps or job.stage == Stage.EVALUATING:
        scored = events.of_job(job.id, "evaluated")[-1:]
        rows = "".join(f", {e.data['model']} {e.data['rows']:,} of {e.data['of']:,}" for e in scored)
        return f"{job.stage or 'starting'}{rows}{eta}"
    points = [point for point in events.metrics(job.id) if point.split == "train"]
    last = points[-1].loss if points else None
    loss = f", loss {last:.3f}" if last is not None else ""
    told = events.of_job(job.id, "asked")[-1:]
    asked = "".join(f", {words}" for e in told for words in (e.data["usage"], e.data["trouble"]) if words)
    done = registry.job_kind(job.kind).counted(job.step, job.total_steps)
    return f"{job.stage or 'starting'}, {done}{loss}{asked}{eta}"
