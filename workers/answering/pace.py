"""How fast a service is asked: a limit of requests a minute, pauses after trouble, and an end to patience."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from templates.errors import StudioError, Unavailable
from templates.service import ServiceParams
from workers.answering.replies import Again

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
MOST_TRIES = 8
"""Tries of one request, while others succeed."""


class Pace:
    """Shared by all requests of a job."""

    def __init__(self, params: ServiceParams, host: str, tell: Callable[[str], None]) -> None:
        self._interval_s = 60 / params.requests_per_minute if params.requests_per_minute else 0.0
        self._patience_s, self._host, self._tell = params.patience_s, host, tell
        self._next_at = self._paused_until = 0.0
        self.succeeded_at = time.monotonic()

    async def turn(self) -> None:
        """Wait until the next request may start."""
        while (left := max(self._next_at, self._paused_until) - time.monotonic()) > 0:
            await asyncio.sleep(left)
        self._next_at = time.monotonic() + self._interval_s

    def succeeded(self) -> None:
        """A request was answered."""
        self.succeeded_at = time.monotonic()

    async def after(self, trouble: Again, n_tries: int) -> None:
        """Wait after the `n_tries`th failure of one request. Raises `Unavailable` if patience would end before."""
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (n_tries - 1)) * random.uniform(0.5, 1)
        if trouble.wait_s is not None:
            pause_s = max(pause_s, trouble.wait_s)
            self._paused_until = max(self._paused_until, time.monotonic() + pause_s)
        now = time.monotonic()
        if now + pause_s - self.succeeded_at > self._patience_s:
            raise self._end(trouble, now - self.succeeded_at)
        self._tell(f"{trouble}; next try in {max(pause_s, 1):.0f} s")
        await asyncio.sleep(pause_s)

    def _end(self, trouble: Again, vain_s: float) -> StudioError:
        asks = f" It asks to wait {trouble.wait_s:,.0f} s." if trouble.wait_s else ""
        return Unavailable(
            f"No answer came from {self._host} for {vain_s:,.0f} s: {trouble}.{asks}",
            code="service_unavailable",
            remedy="Run the job again later: it goes on from the answers that came. Fewer requests at once or a minute "
            "may help (concurrency, requests_per_minute).",
        )
