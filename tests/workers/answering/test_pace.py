"""The pace of requests: spread over a minute, held back after trouble, and given up."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from templates.errors import Unavailable
from templates.service import ServiceParams
from workers.answering import pace
from workers.answering.pace import Pace
from workers.answering.replies import Again

CLOCK_S = 0.005
"""More than the resolution of any clock here."""


def made(told: list[str] | None = None, **params: float) -> Pace:
    return Pace(ServiceParams(**params), "api.example.com", (told if told is not None else []).append)


def test_a_limit_a_minute_spreads_requests_that_run_side_by_side() -> None:
    async def ask() -> list[float]:
        shared, times = made(requests_per_minute=1200), list[float]()

        async def one() -> None:
            await shared.turn()
            times.append(time.monotonic())

        await asyncio.gather(*(one() for _ in range(4)))
        return times

    times = asyncio.run(ask())
    assert all(later - earlier >= 0.05 - CLOCK_S for earlier, later in pairwise(times))


def test_a_wish_to_wait_holds_back_all_requests() -> None:
    async def ask() -> float:
        told: list[str] = []
        shared = made(told)
        began = time.monotonic()
        waiting = asyncio.ensure_future(shared.after(Again("too many", 0.2), 1))
        await asyncio.sleep(0)
        await shared.turn()
        took = time.monotonic() - began
        await waiting
        assert told == ["too many; next try in 1 s"]
        return took

    assert asyncio.run(ask()) >= 0.2 - CLOCK_S


def test_other_trouble_holds_back_only_its_own_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST_PAUSE_S", 30.0)

    async def ask() -> None:
        shared = made()
        waiting = asyncio.ensure_future(shared.after(Again("status 500"), 1))
        await asyncio.sleep(0)
        await asyncio.wait_for(shared.turn(), 10)
        waiting.cancel()

    asyncio.run(ask())


def test_patience_ends_before_a_wait_that_is_longer() -> None:
    with pytest.raises(Unavailable, match="It asks to wait 3,600 s"):
        asyncio.run(made(patience_s=600).after(Again("too many", 3600), 1))
