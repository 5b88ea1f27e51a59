"""Renders with any base model: bundled ones in this process, all others in limited processes that are kept warm."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from storage.rendering.limited_process import LimitedProcess, Overrun, Question
from storage.rendering.renderer import LOADING, RENDERING, TRYING
from templates.errors import BadInput, Problem, Unavailable

T = TypeVar("T")
MOST_IDLE = 3
"""Processes kept for the models used last, so that their next preview is quick."""
RETIRED_S = 600.0
"""Work after which a process is not used again."""
AT_ONCE, MOST_WAITING = 2, 6
"""Questions of one person that are worked on, and that wait for their turn."""
TURN_S = 60.0
LONG_AT_ONCE, LONG_PLACES, MOST_LONG = 1, 3, 20
"""Questions about whole datasets that are worked on, of one person and of all, and that wait, of one person."""
BUSY = "The studio is still reading other rows or models of yours."
REMEDY = "Add the model again with one of the studio's own chat templates, or choose another base model."


@dataclass(frozen=True)
class Model:
    """A base model as far as rendering needs it."""

    name: str
    folder: str
    revision: str
    owner: str
    """Whose turns its questions take."""
    bundled: bool
    """The studio's own: its template and tokenizer need no limits."""

    @property
    def key(self) -> tuple[str, str]:
        """What a process has loaded."""
        return self.folder, self.revision


def ask(model: Model, question: Question[T]) -> T:
    """The answer to a question that takes no time with a template that can be trusted.

    Raises `BadInput` when the answer is a refusal, or the model's template or tokenizer exceeds the limits.
    """
    return question.answer() if model.bundled else ask_limited(model, question)


def ask_limited(model: Model, question: Question[T]) -> T:
    """The same, in a limited process whatever the model. Raises `Unavailable` if too many questions wait already."""
    with _turns.of(model.owner):
        process = _idle.take(model.key)
        try:
            found = process.ask(question)
        except Overrun as error:
            raise _refusal(model, error) from error
        except BadInput:
            _idle.give(model.key, process)
            raise
        _idle.give(model.key, process)
        return found


def ask_once(model: Model, question: Question[T]) -> T:
    """The same for a question about a model that is not asked about again."""
    with _turns.of(model.owner):
        process = LimitedProcess()
        try:
            return process.ask(question)
        except Overrun as error:
            raise _refusal(model, error) from error
        finally:
            process.close()


def ask_long(model: Model, question: Question[T], began: Callable[[LimitedProcess], None]) -> T:
    """The same for a question about a whole dataset; tells `began` the process, so that another thread can end it.

    Call it in a thread of its own: it waits until one of the few places is free, whoever takes them.
    """
    with _long_turns.of(model.owner), _LONG_PLACES:
        process = LimitedProcess()
        began(process)
        try:
            return process.ask(question)
        except Overrun as error:
            raise _refusal(model, error) from error
        finally:
            process.close()


def close_idle() -> None:
    """End the processes that wait for another question."""
    _idle.close()


def turn(owner: str) -> AbstractContextManager[None]:
    """Wait for a turn of this person. Raises `Unavailable` if too many wait already."""
    return _turns.of(owner)


def _refusal(model: Model, error: Overrun) -> BadInput:
    culprit = {LOADING: "tokenizer", TRYING: "chat template", RENDERING: "chat template"}.get(error.step, "folder")
    message = f"the {culprit} of “{model.name}” {error.why}, so the studio stopped it."
    remedy = REMEDY if culprit == "chat template" else "Choose another base model."
    field = "chat_template" if culprit == "chat template" else "path"
    return BadInput(Problem(message, field=field, remedy=remedy), code="over_limit")


class _Turns:
    """Shares the processes among people: nobody takes more than a few at once."""

    def __init__(self, at_once: int, most_waiting: int = MOST_WAITING, within_s: float | None = TURN_S):
        self._at_once, self._most_waiting, self._within_s = at_once, most_waiting, within_s
        self._changed = threading.Condition()
        self._working: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def of(self, owner: str) -> Iterator[None]:
        """A turn of this person, as soon as one is free. Raises `Unavailable`."""
        with self._changed:
            if self._waiting[owner] >= self._most_waiting:
                raise Unavailable(BUSY, remedy="Try again in a moment.")
            self._waiting[owner] += 1
            try:
                if not self._changed.wait_for(lambda: self._working[owner] < self._at_once, self._within_s):
                    raise Unavailable(BUSY, remedy="Try again in a moment.")
            finally:
                self._waiting[owner] -= 1
            self._working[owner] += 1
        try:
            yield
        finally:
            with self._changed:
                self._working[owner] -= 1
                self._working, self._waiting = +self._working, +self._waiting
                self._changed.notify_all()


class _Idle:
    """Processes without a question, by what they have loaded; those used last are at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[tuple[tuple[str, str], LimitedProcess]] = []

    def take(self, key: tuple[str, str]) -> LimitedProcess:
        """One that has loaded this, or a new one."""
        with self._lock:
            found = [entry for entry in self._kept if entry[0] == key]
            for entry in found[-1:]:
                self._kept.remove(entry)
        for _, process in found[-1:]:
            if process.alive:
                return process
            process.close()
        return LimitedProcess()

    def give(self, key: tuple[str, str], process: LimitedProcess) -> None:
        """Keep it for later, in place of the one that waits longest."""
        with self._lock:
            self._kept.append((key, process))
            surplus = [entry for entry in self._kept if entry[1].busy_s > RETIRED_S]
            surplus += [entry for entry in self._kept if entry not in surplus][:-MOST_IDLE]
            self._kept = [entry for entry in self._kept if entry not in surplus]
        for _, old in surplus:
            old.close()

    def close(self) -> None:
        """End them all."""
        with self._lock:
            kept, self._kept = self._kept, []
        for _, process in kept:
            process.close()


_turns, _long_turns = _Turns(AT_ONCE), _Turns(LONG_AT_ONCE, MOST_LONG, None)
_LONG_PLACES = threading.BoundedSemaphore(LONG_PLACES)
_idle = _Idle()
