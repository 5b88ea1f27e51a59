"""`--wait`: follows a job on stderr, with a worker of its own when none is there."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from subprocess import Popen

import typer

from app import supervise
from app.api import documents
from app.cli import output, verdicts
from storage.gallery import suite_table
from storage.jobs import events, jobs, worker_rows
from storage.models import TERMINAL, Job, JobState, User
from templates.errors import StudioError

LOOK_S = 0.3


def report(user: User, job: Job, wait: bool, as_json: bool) -> None:
    """Tell about a submitted job, after its end if `wait`; exits with 1 when it did not succeed."""
    if wait:
        job = ended(user, job)
    document = documents.of_job(job)
    output.emit(
        document, _lines(job) if wait else [f"Job {job.id} waits. Follow it: studio jobs show {job.id}"], as_json
    )
    if wait and job.state != JobState.SUCCEEDED:
        raise typer.Exit(StudioError.exit_code)


def _lines(job: Job) -> list[str]:
    if job.state == JobState.SUCCEEDED:
        result = job.result or {}
        table = suite_table.lines(result) if "suite" in result else []
        said = [result.get("sentence"), (result.get("forgotten") or {}).get("sentence")]
        measured = verdicts.measured(result, result.get("opening"))
        return [" ".join([f"{job.name}: done.", *filter(None, said)]), *measured, *table]
    why = f" {job.error}" if job.error else ""
    return [f"{job.name}: {job.state}.{why} {job.remedy or ''}".rstrip(), f"The log: studio jobs logs {job.id}"]


def ended(user: User, job: Job) -> Job:
    """The job after its end, whatever it was."""
    with _worker_at_hand() as process, _interruptions() as interrupted:
        try:
            return _followed(user, job, process, interrupted)
        except KeyboardInterrupt:
            output.note(f"No longer waiting. Job {job.id} goes on when a worker runs: studio jobs show {job.id}")
            raise


@contextmanager
def _worker_at_hand() -> Iterator[Popen[bytes] | None]:
    gone = set(worker_rows.dead_here())
    if any(row.id not in gone and not row.draining for row in worker_rows.alive()):
        yield None
        return
    output.note(f"No worker is running: one is started for the duration. Its log: {supervise.log_path('worker')}")
    with supervise.for_the_duration("worker", supervise.WORKER) as process:
        yield process


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Notes Ctrl-C: an exception raised in the middle of a database call may be swallowed there."""
    noted: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _followed(user: User, job: Job, process: Popen[bytes] | None, interrupted: Sequence[int]) -> Job:
    """Raises `KeyboardInterrupt` between two looks once `interrupted` holds a signal."""
    said = ""
    while job.state not in TERMINAL:
        if process is not None and process.poll() is not None:
            raise StudioError(
                f"The worker ended with code {process.returncode}; job {job.id} waits.",
                code="worker_ended",
                remedy=f"See {supervise.log_path('worker')}.",
            )
        if (line := _progress(job)) != said:
            output.note(line)
            said = line
        time.sleep(LOOK_S)
        if interrupted:
            raise KeyboardInterrupt
        job = jobs.get(user, job.id)
    return job


def _progress(job: Job) -> str:
    if job.state == JobState.QUEUED:
        return f"queued, place {jobs.position(job)}"
    if not job.total_steps:
        scored = events.of_job(job.id, "evaluated")[-1:]
        rows = "".join(f", {e.data['model']} {e.data['rows']:,} of {e.data['of']:,}" for e in scored)
        return f"{job.stage or 'starting'}{rows}"
    points = [point for point in events.metrics(job.id) if point.split == "train"]
    last = points[-1].loss if points else None
    loss = f", loss {last:.3f}" if last is not None else ""
    eta = f", ≈ {output.duration(job.eta_s)} left" if job.eta_s else ""
    return f"{job.stage or 'starting'}, step {job.step} of {job.total_steps}{loss}{eta}"
