"""Reports the progress of a piece of work to anyone who waits for it.

A waiting caller registers with `told`; work that can take long names its steps and reports how far each is.
Without a listener nothing is reported, and the work is the same.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from templates.errors import StudioError

EVERY_S = 0.2
"""Seconds between two reports: nobody reads faster."""
BUFFER_BYTES = 64 * 1024

Listener = Callable[[str, float | None], None]
"""Takes the step's name and the part done, from 0 to 1; None while that is unknown."""
T = TypeVar("T")


class GivenUp(StudioError):
    """Nobody waits for the work any more."""

    http_status = 499
    code = "given_up"


class _Watch:
    def __init__(self, listener: Listener):
        self._listener = listener
        self._told_at = -EVERY_S
        self.step = ""

    def begin(self, step: str) -> None:
        self.step = step
        self._tell(None)

    def at(self, share: float) -> None:
        if self.step and time.monotonic() - self._told_at >= EVERY_S:
            self._tell(min(max(share, 0.0), 1.0))

    def _tell(self, share: float | None) -> None:
        self._told_at = time.monotonic()
        self._listener(self.step, share)


_watch: ContextVar[_Watch | None] = ContextVar("_watch", default=None)
_is_wanted: ContextVar[Callable[[], bool] | None] = ContextVar("_is_wanted", default=None)


@contextmanager
def told(listener: Listener) -> Iterator[None]:
    """Report the work in this block to `listener`, in the thread that does it."""
    token = _watch.set(_Watch(listener))
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def while_wanted(is_wanted: Callable[[], bool]) -> Iterator[None]:
    """End the work in this block by `GivenUp`, at its next report of progress, once it isn't wanted any more."""
    token = _is_wanted.set(is_wanted)
    try:
        yield
    finally:
        _is_wanted.reset(token)


def check_wanted() -> None:
    """Raise `GivenUp` if the work isn't wanted any more."""
    is_wanted = _is_wanted.get()
    if is_wanted is not None and not is_wanted():
        raise GivenUp("Nobody waits for this any more.")


@contextmanager
def step(says: str) -> Iterator[None]:
    """Name the work in this block, e.g. “Storing 1,200 rows”; an inner step replaces it while it lasts."""
    watch = _watch.get()
    if watch is None:
        yield
        return
    outer = watch.step
    watch.begin(says)
    try:
        yield
    finally:
        watch.step = outer


def at(share: float) -> None:
    """Report the part of the step that is done, from 0 to 1. Raises `GivenUp`; see `while_wanted`."""
    check_wanted()
    watch = _watch.get()
    if watch is not None:
        watch.at(share)


def through(items: Iterable[T], n: int) -> Iterator[T]:
    """Iterate over the `n` items of a step and report progress along the way."""
    for i, item in enumerate(items):
        at(i / max(n, 1))
        yield item
    at(1.0)


class _Watched(io.FileIO):
    """A file that reports how much of it has been read."""

    def __init__(self, path: Path):
        super().__init__(path)
        self._size_bytes = os.fstat(self.fileno()).st_size
        self._place = 0

    def readinto(self, buffer: Any) -> int | None:
        n_read = super().readinto(buffer)
        self._place += n_read or 0
        at(self._place / max(self._size_bytes, 1))
        return n_read


def opened(path: Path) -> io.BufferedReader:
    """The file, opened for reading from start to end."""
    return io.BufferedReader(_Watched(path), BUFFER_BYTES)
