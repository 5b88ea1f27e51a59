"""The stages of a job, as its child reports and times them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from workers.evaluation.progress import EVERY_S, WHOLE, Channel, Part
from workers.protocol import Entered, Proceeded


class Stages:
    """Reports each stage and times it."""

    def __init__(self, channel: Channel):
        self._channel = channel
        self._stage: str | None = None
        self._since = 0.0
        self.seconds: dict[str, float] = {}

    def enter(self, stage: str | None) -> None:
        """End the current stage and start `stage`, if given."""
        now = time.monotonic()
        if self._stage:
            self.seconds[str(self._stage)] = round(now - self._since, 3)
        self._stage, self._since = stage, now
        if stage:
            self._channel.send(Entered(stage=stage))


class Watch:
    """Reports the progress of work in a stage that doesn't train, and says whether to stop it."""

    def __init__(self, channel: Channel, part: Part = WHOLE, pace: _Pace | None = None):
        self._channel = channel
        self._part = part
        self._pace = pace or _Pace()

    def of(self, start: float, end: float) -> Watch:
        """The same for the part of the work between these shares of it."""
        (low, high), width = self._part, self._part[1] - self._part[0]
        return Watch(self._channel, (low + start * width, min(high, low + end * width)), self._pace)

    @property
    def stopped(self) -> bool:
        """Whether nobody wants the result any more."""
        return self._channel.abandoned

    def tell(self, done: float, words: str, *, kept: bool = False) -> None:
        """Report the share that is done, at most every other second; `kept` for good counts from the next report on."""
        pace, now = self._pace, time.monotonic()
        pace.kept |= kept
        if now - pace.told_at >= EVERY_S:
            share = self._part[0] + (self._part[1] - self._part[0]) * min(1.0, done)
            self._channel.send(Proceeded(done=share, words=words, kept=pace.kept))
            pace.told_at, pace.kept = now, False


@dataclass
class _Pace:
    """When the last report was sent, and whether something was kept since; shared by all parts of the work."""

    told_at: float = float("-inf")
    kept: bool = False
