"""A worker's housekeeping: finds waiting jobs, recovers lost ones, and removes leftovers.

It doesn't need Celery: jobs still run with the broker down, emptied or deleted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from storage import db, garbage
from storage.jobs import leases, queue, recovery, worker_rows
from storage.settings import settings
from workers.slots import Slots

RING_AGAIN_S = 60.0
GARBAGE_S = 3600.0

log = logging.getLogger(__name__)


class Sweeper:
    """The housekeeping thread."""

    def __init__(self, slots: Slots):
        self._slots = slots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Start with a full sweep."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current step."""
        self._stop.set()

    def _run(self) -> None:
        sweep_at = garbage_at = 0.0
        while not self._stop.is_set():
            now = time.monotonic()
            if now >= sweep_at:
                sweep_at = now + settings().sweep_s
                _guarded(sweep)
            _guarded(self._look)
            if now >= garbage_at:
                garbage_at = now + GARBAGE_S
                _guarded(clear_away)
            self._stop.wait(settings().poll_s)

    def _look(self) -> None:
        self._slots.keep_warm()
        if self._slots.n_free and leases.waiting():
            for _ in range(self._slots.n_free):
                threading.Thread(target=self._slots.work_off, name="swept", daemon=True).start()


def sweep() -> None:
    """Requeue the jobs of dead workers, and announce waiting ones."""
    dead = worker_rows.dead_here()
    for job_id, state in recovery.expire(dead_workers=dead):
        log.warning("job %s was recovered from a worker that doesn't answer: now %s", job_id, state)
    if dead:
        worker_rows.forget(dead)
    for job_id in recovery.unrung(RING_AGAIN_S):
        queue.ring(job_id)
    queue.forget_delivered()


def clear_away() -> None:
    """Remove files and rows that are no longer needed."""
    worker_rows.forget()
    for path in garbage.collect():
        log.info("removed %s", path)


def _guarded(act: Callable[[], None]) -> None:
    """Keep the thread running: errors are logged, and the step is tried again later."""
    try:
        act()
    except db.AWAY as error:
        log.warning("the database doesn't answer: %s", type(error).__name__)
    except Exception:
        log.exception("the sweeper failed and continues")
