"""Waits for a job to end, and starts a worker if none is running."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from subprocess import Popen

from storage import programs
from storage.jobs import jobs, worker_rows
from storage.models import TERMINAL, Job, User
from templates.errors import StudioError

LOOK_S = 0.3


def ended(user: User, job: Job, note: Callable[[str], None], progress: Callable[[Job], str]) -> Job:
    """The job after its end, successful or not.

    `note` gets each new line of `progress`. Raises `KeyboardInterrupt` after Ctrl-C.
    """
    with _worker_at_hand(note) as process, _interruptions() as interrupted:
        told = ""
        while job.state not in TERMINAL:
            if process is not None and process.poll() is not None:
                raise StudioError(
                    f"The worker exited with code {process.returncode}; job {job.id} is still waiting.",
                    code="worker_ended",
                    remedy=f"See {programs.log_path('worker')}.",
                )
            if (line := progress(job)) != told:
                note(line)
                told = line
            time.sleep(LOOK_S)
            if interrupted:
                raise KeyboardInterrupt
            job = jobs.get(user, job.id)
    return job


@contextmanager
def _worker_at_hand(note: Callable[[str], None]) -> Iterator[Popen[bytes] | None]:
    gone = set(worker_rows.dead_here())
    if any(row.id not in gone and not row.draining for row in worker_rows.alive()):
        yield None
        return
    note(f"No worker is running, so one starts for this job. Its log: {programs.log_path('worker')}")
    with programs.for_the_duration("worker", programs.WORKER) as process:
        yield process


@contextmanager
def _interruptions() -> Iterator[Sequence[int]]:
    """Notes Ctrl-C: an exception raised in the middle of a database call may be swallowed there."""
    noted: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
