"""A worker's slots: each runs one job at a time, on its own GPU or on the CPU, with a warm spare child."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Sequence

from storage import db, disk
from storage.jobs import leases
from storage.jobs.leases import Lease, LeaseLost
from storage.models import Worker
from storage.settings import settings
from templates.errors import StudioError
from workers import orders
from workers.attempts import Attempt
from workers.child import Child

SPARE_AFTER_S = 10.0
"""A busy slot waits this long for its next spare, because importing torch would slow its job's start."""
SPARE_RETRY_S = 30.0
RETRY_WITH_ROOM = "Make room on the studio's disk, then retry the job."

log = logging.getLogger(__name__)


class Slot:
    """One place for a job."""

    def __init__(self, command: Sequence[str], device: str | None, threads: int):
        self.command, self.device, self.threads = command, device, threads
        self.spare: Child | None = None
        self.busy_since: float | None = None
        self._spare_not_before = 0.0

    def take(self) -> Child:
        """The spare, or a fresh child if no spare is alive."""
        spare, self.spare = self.spare, None
        if spare and spare.alive:
            return spare
        if spare:
            spare.bury()
        return Child(self.command, device=self.device, threads=self.threads)

    def keep_warm(self) -> None:
        """Start a spare, unless the slot's job has just started or the last spare died by itself."""
        now = time.monotonic()
        if self.spare and not self.spare.alive:
            death, self.spare = self.spare.bury(), None
            self._spare_not_before = now + SPARE_RETRY_S
            log.error("a waiting child died (%s): %s", death, death.last_words)
        starting = self.busy_since is not None and now - self.busy_since < SPARE_AFTER_S
        if self.spare is None and not starting and now >= self._spare_not_before:
            self.spare = Child(self.command, device=self.device, threads=self.threads)

    @property
    def is_ready(self) -> bool:
        """Whether a job could start at once."""
        return bool(self.spare and self.spare.ready.is_set())


class Slots:
    """The slots of one worker. `devices` are values of CUDA_VISIBLE_DEVICES; None is the CPU."""

    def __init__(self, worker: Worker, command: Sequence[str], devices: Sequence[str | None]):
        self.worker = worker
        self.draining = threading.Event()
        self.threads = max(1, len(os.sched_getaffinity(0)) // len(devices))
        """Processor threads of one slot's child."""
        self._all = [Slot(command, device, self.threads) for device in devices]
        self._free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        self._spares = threading.Lock()
        for slot in self._all:
            self._free.put(slot)

    @property
    def busy(self) -> int:
        """Slots with a job."""
        return sum(slot.busy_since is not None for slot in self._all)

    @property
    def n_free(self) -> int:
        """Slots without a job."""
        return len(self._all) - self.busy

    @property
    def is_ready(self) -> bool:
        """Whether the next job would start on a warm child."""
        return any(slot.is_ready for slot in self._all)

    def work_off(self, job_id: str | None = None) -> None:
        """Run job `job_id` if it still waits, then other waiting jobs; returns when none is left.

        Without a free slot it returns at once: a busy slot looks for more work when it is done.
        """
        while not self.draining.is_set():
            try:
                slot = self._free.get_nowait()
            except queue.Empty:
                return
            slot.busy_since = time.monotonic()
            try:
                lease = self._claim(job_id)
                if lease is None:
                    return
                self._attempt(slot, lease)
            finally:
                slot.busy_since = None
                self._free.put(slot)

    def _claim(self, job_id: str | None) -> Lease | None:
        try:
            return (leases.claim(self.worker, job_id) if job_id else None) or leases.claim(self.worker)
        except db.AWAY as error:
            log.warning("could not claim a job: %s", type(error).__name__)
            return None

    def _attempt(self, slot: Slot, lease: Lease) -> None:
        log.info("job %s: attempt %d starts", lease.job.id, lease.attempt)
        try:
            order = orders.of(lease, slot.threads)
            with self._spares:
                child = slot.take()
            Attempt(lease, child, order, self.draining).run()
        except StudioError as error:
            _fail(lease, error.code, "\n".join(p.message for p in error.problems), _remedy(error))
        except db.AWAY as error:
            log.error(
                "job %s: left to expire because the database doesn't answer: %s", lease.job.id, type(error).__name__
            )
        except Exception as error:
            log.exception("job %s: a fault of the worker", lease.job.id)
            if disk.is_full(error):
                _fail(lease, disk.DiskFull.code, disk.full().problems[0].message, RETRY_WITH_ROOM)
            else:
                message = f"Something went wrong inside the studio ({type(error).__name__})."
                _fail(lease, "internal", message, "The worker's log has the details; please report them.")
        log.info("job %s: attempt %d is over", lease.job.id, lease.attempt)

    def keep_warm(self) -> None:
        """Give every eligible slot a spare child."""
        if not settings().worker_warm:
            return
        with self._spares:
            if not self.draining.is_set():
                for slot in self._all:
                    slot.keep_warm()

    def drain(self) -> None:
        """Take no more jobs; running children save a checkpoint and their jobs return to the queue."""
        self.draining.set()
        with self._spares:
            for slot in self._all:
                if slot.spare:
                    slot.spare.kill()
                    slot.spare.bury()
                    slot.spare = None

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no slot has a job; False if time runs out first."""
        until = time.monotonic() + timeout_s
        while self.busy and time.monotonic() < until:
            time.sleep(0.05)
        return not self.busy


def _remedy(error: StudioError) -> str | None:
    return next((problem.remedy for problem in error.problems if problem.remedy), None)


def _fail(lease: Lease, code: str, message: str, remedy: str | None) -> None:
    try:
        db.insist(lambda: leases.fail(lease, code, message, remedy))
    except LeaseLost:
        log.warning("job %s: attempt %d lost its lease", lease.job.id, lease.attempt)
