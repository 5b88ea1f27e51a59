"""The worker: `python -m workers.daemon`. It takes jobs, runs each in a child, and never imports torch.

The main thread waits for a signal; other threads keep the worker's row fresh, sweep for work, and
run Celery, which answers the doorbell and is restarted if it crashes.
"""

from __future__ import annotations

import logging
import os
import queue as queues
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TypeVar

import psutil

from storage import credentials, db, migrate
from storage.jobs import queue, worker_rows
from storage.settings import settings
from workers import calibration, child, devices, tasks
from workers.slots import Slots
from workers.sweeper import Sweeper

TOUCH_S = 5.0
LOOK_S = 0.2
DRAIN_S = 27.0
"""Longest time from the signal to the exit; service managers kill after 30 s."""
CELERY_RETRY_S = 5.0
DATABASE_RETRY_S = 2.0
SPARE_WAIT_S = 60.0
CGROUP = Path("/sys/fs/cgroup")

log = logging.getLogger(__name__)
T = TypeVar("T")


class Daemon:
    """One worker. `command` starts its children; `calibrates`: whether it measures the machine's speed."""

    def __init__(self, command: Sequence[str] = child.COMMAND, *, calibrates: bool = True):
        self._calibrates = calibrates
        self._devices = devices.find()
        self._signals: queues.SimpleQueue[int] = queues.SimpleQueue()
        self.worker = _persist(lambda: worker_rows.register(device=self._devices.name, slots=self._n_slots, **room()))
        self.slots = Slots(self.worker, command, self._devices.visible)
        self._sweeper = Sweeper(self.slots)
        self._leaving = threading.Event()
        self._presence = threading.Thread(target=self._be_present, name="presence", daemon=True)

    @property
    def _n_slots(self) -> int:
        return len(self._devices.visible)

    def run(self) -> int:
        """Work until SIGTERM or SIGINT, then drain; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        child.remove_leftovers()
        self._sweeper.start()
        tasks.register(self.slots)
        threading.Thread(target=self._answer_doorbell, name="celery", daemon=True).start()
        self._presence.start()
        if self._calibrates:
            threading.Thread(target=self._calibrate, name="calibration", daemon=True).start()
        log.info("worker %s takes jobs: %d × %s", self.worker.id, self._n_slots, self._devices.name)
        received = signal.Signals(self._signals.get())
        log.info("%s: draining", received.name)
        return self._drain()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.slots.draining.is_set():
            os._exit(1)  # second signal: children notice and exit, and another worker takes their jobs
        self._signals.put(number)  # reentrant, unlike an Event

    def _drain(self) -> int:
        until = time.monotonic() + DRAIN_S
        self._sweeper.stop()
        self.slots.drain()
        idle = self.slots.wait_idle(until - time.monotonic())
        self._leaving.set()
        self._presence.join(max(0.5, until - time.monotonic()))
        log.info("drained" if idle else "jobs are left to other workers")
        return 0 if idle else 1

    def _be_present(self) -> None:
        """Keep the worker's row fresh, and remove it at the end. Has its own thread: the database may block."""
        touched, shown = 0.0, None
        while not self._leaving.is_set():
            state = {"ready": self.slots.is_ready, "busy": self.slots.busy, "draining": self.slots.draining.is_set()}
            if state != shown or time.monotonic() - touched >= TOUCH_S:
                touched, shown = time.monotonic(), state
                key = credentials.fingerprint()
                self._tell(lambda: worker_rows.touch(self.worker, secret_key=key, **state, **room()))  # noqa: B023  # called now
            self._leaving.wait(LOOK_S)
        self._tell(lambda: worker_rows.leave(self.worker))

    def _tell(self, act: Callable[[], None]) -> None:
        try:
            act()
        except db.AWAY as error:
            log.warning("could not update the worker's row: %s", type(error).__name__)

    def _answer_doorbell(self) -> None:
        """Run Celery's worker; it waits for a lost broker, and is restarted when it gives up."""
        while not self.slots.draining.is_set():
            try:
                controller = queue.celery().WorkController(
                    app=queue.celery(),
                    pool="threads",
                    concurrency=self._n_slots + 1,  # a doorbell must not wait behind a job
                    loglevel=logging.WARNING,
                    without_gossip=True,
                    without_mingle=True,
                    without_heartbeat=True,
                )
                controller.start()
            except Exception:
                log.exception("celery crashed; restarting it")
            time.sleep(CELERY_RETRY_S)

    def _calibrate(self) -> None:
        until = time.monotonic() + SPARE_WAIT_S
        while (self.slots.busy or not self.slots.is_ready) and time.monotonic() < until:
            time.sleep(0.5)  # the spare's imports or a job would distort the measurement
        speed = calibration.of_machine(self._devices, self.slots.threads)
        if speed:
            self.worker.flop_per_s, self.worker.wide_flop_per_s = speed.flop_per_s, speed.wide_flop_per_s


def room() -> dict[str, int]:
    """Memory and disk of this machine, within the limits of its control group."""
    memory = psutil.virtual_memory()
    total, free = memory.total, memory.available
    limit, used = CGROUP / "memory.max", CGROUP / "memory.current"
    if limit.exists() and (text := limit.read_text().strip()).isdigit():
        total = min(total, int(text))
        free = min(free, total - int(used.read_text()))
    return {
        "memory_total_bytes": total,
        "memory_free_bytes": max(0, free),
        "disk_free_bytes": shutil.disk_usage(settings().files).free,
    }


def main(command: Sequence[str] = child.COMMAND, *, calibrates: bool = True) -> int:
    """Run a worker until it is told to stop; returns the exit status."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s worker %(levelname)s %(message)s", datefmt="%H:%M:%S"
    )
    _persist(migrate.upgrade)
    return Daemon(command, calibrates=calibrates).run()


def _persist(act: Callable[[], T]) -> T:
    """Call `action` as soon as the database answers."""
    while True:
        try:
            return act()
        except db.AWAY as error:
            log.warning("waiting for the database: %s", type(error).__name__)
            time.sleep(DATABASE_RETRY_S)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # a normal exit would wait for celery's threads
