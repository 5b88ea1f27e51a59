"""Runs one attempt at a job: sends the order, watches the child, passes on requests, records the end."""

from __future__ import annotations

import logging
import queue
import threading
import time
from enum import Enum
from typing import Any, Literal

from storage import db
from storage.jobs import leases
from storage.jobs.leases import Lease, LeaseLost
from storage.models import JobMetric, Stage
from storage.settings import settings
from workers import publishing
from workers.child import Child, Death
from workers.heartbeat import Heartbeat
from workers.protocol import (
    Advanced,
    Checkpointed,
    Done,
    Entered,
    Failed,
    Measured,
    Noted,
    Order,
    Planned,
    Proceeded,
    Report,
    Stop,
    Stopped,
)
from workers.remaining_time import RemainingTime
from workers.run import SMALLER

TICK_S = 0.1
LAST_WORDS_S = 10.0
"""How long a dead child's last messages may still be on their way; the end of its pipe comes behind them."""
DRAIN_S = 24.0
"""How long a draining worker waits for a child's checkpoint; the service manager kills after 30 s."""

log = logging.getLogger(__name__)


class Cut(Enum):
    """Why an attempt ended without a final message from the child."""

    DIED = "died"
    STALLED = "stalled"
    OVERRAN = "did not stop in time"
    FENCED = "fenced"


class Attempt:
    """Watches `child` work on `lease` until either ends. `draining` is set when the worker shuts down."""

    def __init__(self, lease: Lease, child: Child, order: Order, draining: threading.Event):
        self.lease, self.child, self.order, self.draining = lease, child, order, draining
        self.heartbeat = Heartbeat(lease)
        self._remaining = RemainingTime(lease.job)
        self._total_steps = 0
        self._trains = False
        """The first training step was reported; it is sent to the page without delay."""
        self._asked: Literal["keep", "discard", "drain"] | None = None
        self._stop_by = float("inf")
        self._heard_at = time.monotonic()

    def run(self) -> None:
        """Run the attempt and record its end."""
        self.child.send(self.order)
        try:
            end = self._watch()
        finally:
            death = self.child.bury()
        try:
            self._conclude(end, death)
        except LeaseLost:
            log.warning("job %s: attempt %d lost its lease", self.lease.job.id, self.lease.attempt)
        finally:
            self.heartbeat.stop()

    def _watch(self) -> Done | Failed | Stopped | Cut:
        while True:
            said = self._listen()
            if isinstance(said, (Done, Failed, Stopped, Cut)):
                return said
            now = time.monotonic()
            if said is not None:
                self._heard_at = now
                self._record(said)
            if self.heartbeat.lost or self.heartbeat.silent_s > settings().self_fence_s:
                self.child.kill()
                return Cut.FENCED
            if now - self._heard_at > settings().stall_s:
                self.child.kill()
                return Cut.STALLED
            self._pass_on(now)
            if now > self._stop_by:
                self.child.kill()
                return Cut.OVERRAN

    def _listen(self) -> Report | Cut | None:
        """The child's next message; None if there is none for a moment."""
        died = not self.child.alive
        try:
            said = self.child.reports.get(timeout=LAST_WORDS_S if died else TICK_S)
        except queue.Empty:
            return Cut.DIED if died else None
        return Cut.DIED if said is None else said

    def _pass_on(self, now: float) -> None:
        """Send the child the current request; discard outranks drain, which outranks keep."""
        wish = self.heartbeat.wish
        wanted: Literal["keep", "discard", "drain"] | None = "keep" if wish.cancel else None
        if self.draining.is_set():
            wanted = "drain"
        if wish.cancel and not wish.keep:
            wanted = "discard"
        if wanted is None or wanted == self._asked:
            return
        self._asked = wanted
        # a kept result is evaluated first, which takes time
        patience = {"keep": float("inf"), "discard": settings().cancel_grace_s, "drain": DRAIN_S}
        self._stop_by = now + patience[wanted]
        self.child.send(Stop(stop=wanted))

    def _record(self, said: Report) -> None:
        tell = self.heartbeat.tell
        match said:
            case Entered(stage=stage):
                eta = self._whole_eta(self._remaining.entered(stage))
                tell(stage=stage, happened=("stage", {"stage": stage}), urgent=True, **eta)
            case Planned(start_step=start, total_steps=total):
                happened = ("planned", {"start_step": start, "total_steps": total})
                self._total_steps = total
                tell(step=start, total_steps=total, start_step=start, happened=happened, urgent=True)
            case Measured():
                self._record_point(said)
            case Checkpointed(step=step):
                tell(checkpoint_step=step, advanced=True, happened=("checkpoint", {"step": step}))
            case Advanced(step=step, eta_s=eta_s):
                tell(step=step, eta_s=eta_s, advanced=True)
            case Proceeded(done=done, words=words, kept=kept):
                if kept:
                    tell(advanced=True)
                tell(happened=("proceeded", {"done": done, "words": words}))
            case Noted(kind="evaluated", data=data) if "done" in data:
                tell(happened=("evaluated", data), **self._whole_eta(self._remaining.in_evaluation(data["done"])))
            case Noted(kind=kind, data=data):
                tell(happened=(kind, data))

    def _record_point(self, said: Measured) -> None:
        columns = said.model_dump(exclude={"type", "eta_s"})
        point = JobMetric(at=0.0, job_id=self.lease.job.id, attempt=self.lease.attempt, **columns)
        eta_s = said.eta_s
        if eta_s is not None:
            eta_s = self._remaining.in_training(eta_s, said.step, self._total_steps)
        progress = self._whole_eta(eta_s)
        if said.split == "train":
            self.heartbeat.tell(metric=point, step=said.step, urgent=not self._trains, **progress)
            self._trains = True
        else:
            self.heartbeat.tell(metric=point, **progress)

    @staticmethod
    def _whole_eta(eta_s: float | None) -> dict[str, Any]:
        return {} if eta_s is None else {"eta_s": eta_s}

    def _conclude(self, end: Done | Failed | Stopped | Cut, death: Death) -> None:
        lease, beat = self.lease, self.heartbeat
        if isinstance(end, Done):
            beat.tell(stage=Stage.PUBLISHING, urgent=True)
            publishing.publish(lease, self.order, end, beat)
            return
        beat.stop()
        if isinstance(end, Failed):
            db.insist(lambda: leases.fail(lease, end.code, end.message, end.remedy))
        elif end is Cut.FENCED:
            self._crashed(
                "cut_off", "The job's worker lost its connection to the database.", "Check the worker's network."
            )
        elif self._asked == "discard" or (isinstance(end, Stopped) and end.why == "discard"):
            db.insist(lambda: leases.cancelled(lease))
            publishing.clean_up(lease)
        elif self._asked == "drain" or isinstance(end, Stopped):
            db.insist(lambda: leases.give_back(lease, "its worker was shut down"))
        elif end is Cut.STALLED:
            minutes = settings().stall_s / 60
            message = f"The job made no progress for {minutes:.0f} minutes, so it was stopped."
            self._crashed("stalled", message, "Read the log; if it shows no cause, try again.")
        else:
            self._conclude_death(death)

    def _conclude_death(self, death: Death) -> None:
        lease = self.lease
        if death.killed and death.out_of_memory:
            message = "The machine ran out of memory, so the system killed the job."
            db.insist(lambda: leases.fail(lease, "out_of_memory_or_killed", message, SMALLER))
        elif death.killed:
            message = "Something killed the job, most likely because the machine ran out of memory."
            self._crashed("out_of_memory_or_killed", message, SMALLER)
        elif not self.child.ready.is_set():
            log.error("a child did not start (%s): %s", death, death.last_words)
            last = death.last_words.splitlines()[-1:] or [str(death)]
            message = f"The training program did not start: {last[0]}"
            self._crashed("did_not_start", message, "Run `studio doctor` on the worker's machine.")
        else:
            message = f"The job ended without a message: {death}."
            self._crashed("crashed", message, "The job's log has the details; please report them.")

    def _crashed(self, code: str, message: str, remedy: str) -> None:
        state = db.insist(lambda: leases.crashed(self.lease, code, message, remedy))
        log.warning("job %s: attempt %d ended (%s): now %s", self.lease.job.id, self.lease.attempt, code, state)
