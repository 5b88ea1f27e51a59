"""A process that answers questions within limits of memory, time and output, and can be killed.

Questions are the studio's own and are pickled; answers come from a process that ran foreign code, so they are JSON
that is checked against the question's type.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import resource
import signal
import tempfile
import time
import traceback
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import connection, forkserver
from multiprocessing.connection import Connection
from typing import Any, ClassVar, Generic, TypeVar

import psutil
from pydantic import TypeAdapter

from storage import fork_server, progress
from templates.errors import BadInput, Problem, StudioError

T = TypeVar("T")
GIB = 1024**3
MOST_MEMORY_BYTES = 4 * GIB
MOST_CPU_S = 3600
FILE_BYTES = 256_000_000
MOST_ANSWER_BYTES = 32_000_000
START_S = 60.0
TOLD_EVERY_S = 0.2
WORDS_BYTES = 2_000
ANSWER, REFUSAL, STEP, OUT_OF_MEMORY, TOO_LONG, CRASHED = b"a", b"r", b"s", b"m", b"l", b"c"
"""The first byte of each message from the process."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What a process may take to answer one question."""

    memory_bytes: int
    """On top of what it starts with."""
    cpu_s: int
    """Processor time without any progress."""
    within_s: float
    """Time by the clock, in all."""


@dataclass(frozen=True)
class Question(Generic[T]):
    """Something to work out in a limited process."""

    limits: ClassVar[Limits]
    kind: ClassVar[TypeAdapter[Any]]
    """The type of the answer."""

    def answer(self) -> T:
        """Work it out, in whichever process this runs. Raises `BadInput`."""
        raise NotImplementedError


class Overrun(Exception):
    """The process was ended; `why` completes “it …”, and `step` is what it was doing."""

    def __init__(self, why: str, step: str):
        super().__init__(why)
        self.why = why
        self.step = step


class LimitedProcess:
    """One process, which answers one question after another."""

    def __init__(self) -> None:
        """Start it, which takes some milliseconds once the fork server runs."""
        with ExitStack() as files:
            self._said = files.enter_context(tempfile.TemporaryFile())
            asked, self._questions = connection.Pipe(duplex=False)
            self._answers, answered = connection.Pipe(duplex=False)
            for end in (self._questions, self._answers):
                files.enter_context(end)
            with asked, answered:
                self._pid, self._status = _begun(asked, answered, self._said.fileno(), files)
            self._files = files.pop_all()
        self.busy_s = 0.0
        """Time spent on all questions."""
        self._step = ""

    @property
    def alive(self) -> bool:
        """Whether it can take a question."""
        return not connection.wait([self._status], 0)

    def ask(self, question: Question[T]) -> T:
        """The answer; reports progress on the way.

        Raises `BadInput` if the answer is a refusal, and `Overrun` after which the process is gone.
        """
        began = time.monotonic()
        try:
            return self._answer(question, began + question.limits.within_s)
        except Overrun as error:
            self._end()
            log.warning("limited process ended in step %r: it %s", error.step, error.why)
            raise
        except StudioError:
            raise
        except BaseException:
            self._end()
            raise
        finally:
            self.busy_s += time.monotonic() - began

    def _answer(self, question: Question[T], until: float) -> T:
        self._step = ""
        try:
            self._questions.send((question, question.limits))
            while self._answers.poll(max(0.0, until - time.monotonic())):
                message = self._answers.recv_bytes(MOST_ANSWER_BYTES)
                kind, body = message[:1], message[1:]
                if kind == ANSWER:
                    found: T = question.kind.validate_json(body)
                    return found
                self._hear(kind, body)
        except (EOFError, ConnectionError):
            raise Overrun(self._why_ended(), self._step) from None
        except (OSError, ValueError) as error:  # a longer message than allowed, or another type of answer
            log.warning("limited process: %s", type(error).__name__)
            raise Overrun("gives an answer that can't be used", self._step) from error
        raise Overrun("takes too long", self._step)

    def _hear(self, kind: bytes, body: bytes) -> None:
        if kind == STEP:
            self._step, share = json.loads(body)
            if share is not None:
                progress.at(float(share))
        elif kind == REFUSAL:
            given = json.loads(body)
            raise BadInput(*(Problem(**each) for each in given["problems"]), code=given["code"])
        elif kind == OUT_OF_MEMORY:
            raise Overrun("needs more memory than the limit allows", self._step)
        elif kind == TOO_LONG:
            raise Overrun("writes more text than the limit allows", self._step)
        else:
            raise Overrun("fails in an unexpected way", self._step)

    def _why_ended(self) -> str:
        """Why the process is gone."""
        code = forkserver.read_signed(self._status.fileno()) if connection.wait([self._status], START_S) else 0
        if code == -signal.SIGXCPU:
            return "takes too long"
        words = os.pread(self._said.fileno(), WORDS_BYTES, max(0, self._said.seek(0, os.SEEK_END) - WORDS_BYTES))
        log.warning("limited process: exit %d: %s", code, words.decode("utf-8", "replace"))
        return "needs more memory than the limit allows, or crashes"

    def _end(self) -> None:
        self.kill()
        self.close()

    def kill(self) -> None:
        """Kill it, from any thread; a question that it was answering ends with `Overrun`."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """End it."""
        self._files.close()


def _begun(asked: Connection, answered: Connection, said: int, files: ExitStack) -> tuple[int, Any]:
    for _ in range(fork_server.MAX_STARTS):
        try:
            passed = [asked.fileno(), answered.fileno(), said]
            return fork_server.begun(_Answering(), passed, time.monotonic() + START_S, files)
        except (ConnectionError, EOFError):
            time.sleep(fork_server.START_AGAIN_S)
    raise StudioError("The process that renders rows does not start.", remedy="Check the studio's log.")


class _Answering:
    """The program of the process."""

    def _bootstrap(self, parent: int) -> int:
        """Answer until nobody asks any more; `multiprocessing` calls this in the new process."""
        asked, answered = fork_server.entered(parent)
        self._memory_bytes = psutil.Process().memory_info().vms
        fork_server.limit(MOST_MEMORY_BYTES, MOST_CPU_S, FILE_BYTES)
        progress.EVERY_S = TOLD_EVERY_S
        questions, answers = Connection(asked, writable=False), Connection(answered, readable=False)
        while True:
            try:
                asked_bytes = questions.recv_bytes()
            except EOFError:
                return 0
            answers.send_bytes(self._message(asked_bytes, answers))

    def _message(self, asked_bytes: bytes, answers: Connection) -> bytes:
        try:
            question, limits = pickle.loads(asked_bytes)
            self._allow(limits)

            def tell(step: str, share: float | None) -> None:
                self._allow(limits)
                answers.send_bytes(STEP + json.dumps([step, share]).encode())

            with progress.told(tell):
                body: bytes = question.kind.dump_json(question.answer())
            return ANSWER + body if len(body) < MOST_ANSWER_BYTES else TOO_LONG
        except MemoryError:
            return OUT_OF_MEMORY
        except StudioError as error:
            return REFUSAL + json.dumps(error.as_dict()["error"]).encode()
        except Exception:  # foreign code may fail in any way; the process's output goes into the log
            traceback.print_exc()
            return CRASHED

    def _allow(self, limits: Limits) -> None:
        """Move the soft limits: the memory of this question, and processor time from now on."""
        fork_server.limit_one(resource.RLIMIT_AS, self._memory_bytes + limits.memory_bytes)
        fork_server.limit_one(resource.RLIMIT_CPU, int(time.process_time()) + 1 + limits.cpu_s)
