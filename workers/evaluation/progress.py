"""Tells the job's page how far the scoring of a model is, at most every other second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from workers.protocol import Noted, Report

EVERY_S = 2.0


class Channel(Protocol):
    """The child's side of the conversation with its worker."""

    def send(self, report: Report) -> None:
        """Tell the worker something."""

    @property
    def abandoned(self) -> bool:
        """The worker wants no result of this attempt."""


def noting(channel: Channel, model: str, on: str | None = None) -> Callable[[int, int], None]:
    """A `progress(n, of)` callback that notes `evaluated` with the model's name and its rows.

    `on` says on what, where it is not what the job is about.
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
