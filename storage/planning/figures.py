"""Figures that need every row of a dataset: worked out in the background in limited processes, and remembered.

They are kept on disk by what they depend on, so the page, the command line and the next start find them again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from storage import progress
from storage.rendering import limited
from storage.rendering.limited import Model
from storage.rendering.limited_process import LimitedProcess, Question
from storage.settings import settings
from templates.errors import StudioError

T = TypeVar("T")
SOON_S = 0.6
"""How long a page waits for figures before it shows that they are on their way."""
LEFT_S = 4.0
"""Time without a question after which nobody looks at a page that waits for figures: it asks every second."""
MOST_FILES = 2_000
FORM = 1
"""Raised when the same rows would give other figures."""
FOLDER = "figures"
log = logging.getLogger(__name__)


class Counting(StudioError):
    """The figures are on their way."""

    http_status = 409
    code = "counting"

    def __init__(self, share: float | None):
        super().__init__("The studio is still counting tokens.", remedy="Try again in a moment.")
        self.share = share
        """The part done, from 0 to 1; None while that is unknown."""


@dataclass(eq=False)
class _Work:
    """One question being worked on."""

    owner: str
    question: Question[Any]
    future: Future[Any] = field(default_factory=Future)
    share: float | None = None
    n_waiting: int = 0
    process: LimitedProcess | None = None
    asked_at: float = 0.0
    dropped: bool = False

    def is_left(self, now: float) -> bool:
        """Whether nobody waits for it or asks about it any more."""
        return not self.n_waiting and not self.future.done() and now - self.asked_at > LEFT_S

    def hear(self, _step: str, share: float | None) -> None:
        self.share = share if share is not None else self.share

    def started(self, process: LimitedProcess) -> None:
        self.process = process
        if self.dropped:
            process.kill()

    def drop(self) -> None:
        """Stop it: nobody waits for it any more."""
        self.dropped = True
        if self.process is not None:
            self.process.kill()


_lock = threading.Lock()
_works: dict[str, _Work] = {}


def of(model: Model, question: Question[T], depends_on: Mapping[str, Any], *, is_small: bool, patient: bool) -> T:
    """The answer to `question`, which depends on nothing but `depends_on` and the question's class.

    A small one about a bundled model is answered in this process. Raises `Counting` unless `patient` if it takes
    longer than a moment, and what the question raises.
    """
    key = _key(question, depends_on)
    kept = _kept(key, question)
    if kept is not None:
        found: T = kept[0]
        return found
    if is_small and model.bundled:
        found = question.answer()
        _keep(key, question, found)
        return found
    work = _begun(key, model, question, patient)
    try:
        answer: T = work.future.result(None if patient else SOON_S)
    except TimeoutError:
        raise Counting(work.share) from None
    finally:
        with _lock:
            work.n_waiting -= patient
            if work.future.done() and _works.get(key) is work:
                del _works[key]
    return answer


def _begun(key: str, model: Model, question: Question[Any], patient: bool) -> _Work:
    """The work on this question; drops what this person no longer looks at."""
    now = time.monotonic()
    with _lock:
        work = _works.get(key)
        for other in _works.values():
            if other is not work and other.owner == model.owner and other.is_left(now):
                other.drop()
        if work is None or work.dropped:
            work = _works[key] = _Work(model.owner, question)
            threading.Thread(target=_work, args=(key, model, work), name="figures", daemon=True).start()
        work.n_waiting += patient
        work.asked_at = now
    return work


def _work(key: str, model: Model, work: _Work) -> None:
    try:
        with progress.told(work.hear), progress.step("Counting tokens"):
            found = limited.ask_long(model, work.question, work.started)
        _keep(key, work.question, found)
        work.future.set_result(found)
    except BaseException as error:  # whoever waits for it gets it
        work.future.set_exception(error)
    if work.dropped or not work.future.exception():
        with _lock:
            if _works.get(key) is work:
                del _works[key]


@cache
def _version() -> str:
    return f"{importlib.metadata.version('adaptation-studio')} {FORM}"


def _key(question: Question[Any], depends_on: Mapping[str, Any]) -> str:
    parts = json.dumps([type(question).__name__, _version(), depends_on], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


def _folder() -> Path:
    folder = settings().root / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _kept(key: str, question: Question[T]) -> tuple[T] | None:
    """The remembered answer, which may be None, in a tuple."""
    try:
        return (question.kind.validate_json((_folder() / f"{key}.json").read_bytes()),)
    except FileNotFoundError:
        return None
    except ValueError:
        log.warning("the figures in %s.json can't be read, and are worked out again", key)
        return None


def _keep(key: str, question: Question[T], found: T) -> None:
    folder = _folder()
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as draft:
            draft.write(question.kind.dump_json(found))
        os.replace(draft.name, folder / f"{key}.json")
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kept[:-MOST_FILES]:
            old.unlink(missing_ok=True)
    except OSError as error:  # a full disk: they are worked out again when they are needed
        log.warning("figures can't be kept: %s", error)
