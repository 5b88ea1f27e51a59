"""Fair turns for long work: whoever waits holds no thread, and nobody holds all the places.

The threads of the web process are shared by all requests. Long work therefore waits here first, as a coroutine:
one piece of it runs for each person at a time, and a few for all of them together, in the order of arrival.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Depends, Request

from app import auth
from storage import progress
from templates.errors import Busy

FEW = 6
"""Pieces of long work that one person may have running and waiting, at most."""
MANY = 200
"""The same where a script may send many at once, and each is usually quick."""
LOOK_S = 0.5
"""Time between two looks whether those who wait are still there."""


class Lane:
    """One kind of long work. Its methods run on the event loop's thread, so they need no locks."""

    def __init__(self, doing: str, *, at_once: int, each: int = 1) -> None:
        """`doing` completes the sentence “The studio is already … for you.”

        `at_once` pieces run at the same time for all people, and `each` for one of them.
        """
        self._doing, self._at_once, self._each = doing, at_once, each
        self._running: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def turn(self, person: str, is_wanted: Callable[[], bool], in_line: int = FEW) -> AsyncIterator[None]:
        """Wait for a turn, and hold it in this block.

        Raises `Busy` if this person has `in_line` pieces in line, and `GivenUp` once the work isn't wanted any more.
        """
        self._check(person, in_line)
        called = asyncio.get_running_loop().create_future()
        self._waiting.append((person, called))
        try:
            self._call()
            while not called.done():
                await asyncio.wait([called], timeout=LOOK_S)
                if not called.done() and not is_wanted():
                    raise progress.GivenUp("Nobody waits for this any more.")
            with progress.while_wanted(is_wanted):
                yield
        finally:
            if called.done():
                self._running -= Counter([person])
            else:
                self._waiting.remove((person, called))
            self._call()

    def _check(self, person: str, in_line: int) -> None:
        n_mine = self._running[person] + sum(other == person for other, _ in self._waiting)
        if n_mine >= in_line:
            raise Busy(
                f"The studio is already {self._doing} for you, and {n_mine - 1} more of your requests wait.",
                remedy="Wait until one is done, then try again.",
            )

    def _call(self) -> None:
        """Let those begin who came first and may have one more running."""
        for person, called in list(self._waiting):
            if self._running.total() >= self._at_once:
                return
            if self._running[person] < self._each:
                self._running[person] += 1
                self._waiting.remove((person, called))
                called.set_result(None)


FILES = Lane("reading a file", at_once=3)
ROWS = Lane("working through a dataset", at_once=3)
REPORTS = Lane("checking data", at_once=2)
"""Apart from the rest of the page, which need not wait for a report."""
UPLOADS = Lane("storing files", at_once=64, each=3)
"""Until its turn, a file stays with the client: it takes neither room on the disk nor time to unpack the request."""
MODELS = Lane("adding a model", at_once=8)
SCORES = Lane("scoring answers", at_once=4)
CHATS = Lane("answering a message", at_once=64, each=4)


def _dependency(lane: Lane, in_line: int = FEW) -> Callable[[Request], AsyncIterator[None]]:
    async def turn(request: Request) -> AsyncIterator[None]:
        gone = asyncio.ensure_future(_gone(request))
        try:
            async with lane.turn(auth.acting(request).id, lambda: not gone.done(), in_line):
                yield
        finally:
            gone.cancel()

    return turn


async def _gone(request: Request) -> None:
    """Wait until the client closes the connection; the request's body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


READS_A_FILE = [Depends(_dependency(FILES), scope="function")]
READS_ROWS = [Depends(_dependency(ROWS, MANY), scope="function")]
SCORES_ANSWERS = [Depends(_dependency(SCORES, MANY), scope="function")]
ADDS_A_MODEL = [Depends(_dependency(MODELS), scope="function")]
"""For the REST functions that do long work."""
