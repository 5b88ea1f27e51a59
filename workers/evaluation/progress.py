"""Reports a model's scoring progress to the job's page, at most every other second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from workers.protocol import Noted, Report

EVERY_S = 2.0


class Channel(Protocol):
    """The child's end of the channel to its worker."""

    def send(self, report: Report) -> None:
        """Send the worker a message."""

    @property
    def abandoned(self) -> bool:
        """Whether the worker no longer wants a result of this attempt."""


def noting(channel: Channel, model: str, on: str | None = None) -> Callable[[int, int], None]:
    """A `progress(n, of)` callback that notes `evaluated` with the model's name and its rows.

    `on` names the scored data, if it is not the job's own.
    """
    what = {"model": model} if on is None else {"model": model, "on": on}
    last = float("-inf")

    def progress(n: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if n == of or now - last >= EVERY_S:
            last = now
            channel.send(Noted(kind="evaluated", data={**what, "rows": n, "of": of}))

    return progress
