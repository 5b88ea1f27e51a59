"""The stages of a job, as its child reports and times them."""

from __future__ import annotations

import time

from workers.evaluation.progress import Channel
from workers.protocol import Entered


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
