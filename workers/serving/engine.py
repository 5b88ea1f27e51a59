"""The thread that owns a model: between steps it admits and drops rows and attaches adapters."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

import torch

from workers.serving.decoding import Batch, Row
from workers.serving.events import Broke
from workers.serving.loaded import Loaded

GATHER_S = 0.02
"""How long an idle model's first request waits for others, such as a comparison's other panes."""
MAX_ROWS = 16
"""Answers decoded at once; later ones wait."""

Result = TypeVar("Result")
Call = Callable[[], None]
log = logging.getLogger(__name__)


class Engine:
    """Decodes all answers of one model. Every use of the model goes through its thread."""

    def __init__(self, loaded: Loaded):
        self.loaded = loaded
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._waiting: list[Row] = []
        self._batches: dict[object, Batch] = {}
        self._thread = threading.Thread(target=self._run, name="decoding", daemon=True)
        self._thread.start()

    def submit(self, row: Row) -> None:
        """Answer a row; it receives its events in the decoding thread."""
        self._calls.put(lambda: self._waiting.append(row))

    def call(self, function: Callable[[], Result]) -> Future[Result]:
        """Run `work`, which uses the model, between two steps."""
        future: Future[Result] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        self._calls.put(run)
        return future

    def close(self) -> None:
        """Stop the thread and free the model; unfinished answers fail."""
        self._calls.put(None)
        self._thread.join()
        self.loaded.unload()

    def _run(self) -> None:
        torch.set_num_threads(self.loaded.n_threads)  # every thread sets its own number
        try:
            while self._heed_calls():
                self._admit()
                for lane, batch in list(self._batches.items()):
                    _attempt(batch, batch.step, batch.rows)
                    if not batch.rows:
                        del self._batches[lane]
        finally:
            for row in [*self._waiting, *(row for batch in self._batches.values() for row in batch.rows)]:
                row.tell(Broke("the model was unloaded"))
            self._batches.clear()

    def _heed_calls(self) -> bool:
        """Handle requests, and wait for one if there is nothing to decode; False means stop."""
        idle = not self._batches and not self._waiting
        call = self._calls.get() if idle else self._next(0)
        until = time.monotonic() + (GATHER_S if idle else 0)
        while call is not _nothing:
            if call is None:
                return False
            call()
            call = self._next(until - time.monotonic())
        return True

    def _next(self, wait_s: float) -> Call | None:
        try:
            return self._calls.get(timeout=wait_s) if wait_s > 0 else self._calls.get_nowait()
        except queue.Empty:
            return _nothing

    def _admit(self) -> None:
        free = MAX_ROWS - sum(len(batch.rows) for batch in self._batches.values())
        waiting = [row for row in self._waiting if not row.cancelled]
        newcomers, self._waiting = waiting[:free], waiting[free:]
        for lane, rows in self._groups(newcomers):
            fresh = Batch(self.loaded.forward, self.loaded.device)
            _attempt(fresh, partial(fresh.start, rows), rows)
            running = self._batches.get(lane)
            if not fresh.rows:
                continue
            if running is None or not running.rows:
                self._batches[lane] = fresh
            else:
                _attempt(running, partial(running.join, fresh), running.rows + fresh.rows)

    def _groups(self, newcomers: list[Row]) -> list[tuple[object, list[Row]]]:
        """The newcomers that are read together, and their lane."""
        if not self.loaded.joins:
            return [(row, [row]) for row in newcomers]
        lanes = [self.loaded.lane(row.adapter, row.strength) for row in newcomers]
        return [(lane, [row for row, own in zip(newcomers, lanes, strict=True) if own == lane]) for lane in set(lanes)]


def _attempt(batch: Batch, work: Call, rows: list[Row]) -> None:
    """Run a step of a batch; a failure ends its answers but not the thread."""
    try:
        work()
    except Exception as error:
        log.exception("decoding failed")
        batch.rows = []
        out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
        for row in rows:
            row.tell(Broke("there was not enough memory" if out_of_memory else f"a {type(error).__name__} occurred"))


def _nothing() -> None:
    """Marks an empty queue."""
