"""Starts a process for each file, within limits and without the studio's secrets: see `storage.fork_server`."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import forkserver
from typing import IO

from storage import progress
from storage.data.intake import readers
from storage.data.intake.notes import Notes
from storage.data.intake.source import MAX_ROWS, Source
from storage.fork_server import MAX_STARTS, START_AGAIN_S, begun, entered, limit, ready
from templates.errors import StudioError

OUT_OF_MEMORY, TOO_MUCH_TEXT, DISK_FULL = 3, 4, 5
"""Exit codes of a process that couldn't read its file."""
KILLED = -9
DOCUMENTS = ("html", "pdf", "word")
"""Formats in which a row is a part of a text."""
ANSWER_BYTES = 4096
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_PART_IT = "Give the document more headings, or split it."


@dataclass
class _Taken:
    peak_bytes: int = 0
    processor_s: float = 0.0


_lock = threading.Lock()
taken = _Taken()
"""The peak memory of the largest finished process, including shared memory, and the total time of all."""


@dataclass(frozen=True)
class Reading:
    """A file to read, and the limits for it."""

    source: Source
    memory_bytes: int
    cpu_s: int
    file_bytes: int
    told_every_s: float

    def _bootstrap(self, parent: int) -> int:
        """Read the file; `multiprocessing` calls this in the new process. Returns the exit code."""
        told, written = entered(parent)
        limit(self.memory_bytes, self.cpu_s, self.file_bytes)
        progress.EVERY_S = self.told_every_s
        sink = os.fdopen(written, "wb")  # never closed: after a failure, its buffer is useless

        def tell(_: str, share: float | None) -> None:
            os.write(told, b"%.3f\n" % (share or 0.0))

        with progress.told(tell), progress.step("Reading"):
            code = write(self.source, sink)
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES
        os.write(told, b"%d %.6f\n" % (peak_bytes, time.process_time()))
        return code


def write(source: Source, sink: IO[bytes]) -> int:
    """Write the file's rows, or the columns of a large, clean table; returns the exit code."""
    from storage.data.intake import fast

    try:
        if not fast.write(source, sink):
            notes = Notes(source.filename, sink, _PART_IT if source.format in DOCUMENTS else None, source=source)
            for row in islice(readers.readers()[source.format].read(source, notes), MAX_ROWS + 1):
                notes.row(row)
        sink.flush()
    except MemoryError:
        return OUT_OF_MEMORY
    except OSError as error:
        codes = {errno.EFBIG: TOO_MUCH_TEXT, errno.ENOSPC: DISK_FULL}
        if error.errno not in codes:
            raise
        return codes[error.errno]
    return 0


def run(reading: Reading, sink: IO[bytes], said: IO[bytes], within_s: float) -> int:
    """Read a file in a new process, which writes its rows into `sink`; returns the exit code.

    `said` takes the process's output. After `within_s`, kills the process and raises `TimeoutError`; once the
    file isn't wanted any more, `GivenUp`.
    """
    until = time.monotonic() + within_s
    for _ in range(MAX_STARTS):
        with ExitStack() as files:
            try:
                pid, told, status = _begun(reading, sink, said, until, files)
            except (ConnectionError, EOFError):
                time.sleep(START_AGAIN_S)
                continue
            try:
                return _ended(told, status, until)
            except (EOFError, TimeoutError, progress.GivenUp) as error:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                if not isinstance(error, EOFError):
                    raise
                return KILLED  # like the server, which would have sent the exit code
    raise StudioError("The process that reads files does not start.", remedy="Check the studio's log.")


def _begun(
    reading: Reading, sink: IO[bytes], said: IO[bytes], until: float, files: ExitStack
) -> tuple[int, IO[bytes], IO[bytes]]:
    """Start the process; returns its id, the pipe for its progress and the pipe for its exit code.

    Closing `files` ends it. Raises `TimeoutError`, and `ConnectionError` or `EOFError` if the server is gone.
    """
    ours, theirs = os.pipe()
    told = files.enter_context(os.fdopen(ours, "rb", buffering=0))
    with os.fdopen(theirs, "wb", buffering=0):
        pid, status = begun(reading, [theirs, sink.fileno(), said.fileno()], until, files)
    return pid, told, status


def _ended(told: IO[bytes], status: IO[bytes], until: float) -> int:
    """Pass on the progress until the process ends; returns the exit code.

    Raises `TimeoutError`, and `EOFError` if the server is gone.
    """
    awaited, held = [told, status], b""
    while True:
        seen = ready(awaited, until)
        got = told.read(ANSWER_BYTES) if told in seen else b""
        *lines, held = (held + got).split(b"\n")
        for line in lines:
            _hear(*map(float, line.split()))
        if told in seen and not got:
            awaited = [status]
        elif not got:
            code: int = forkserver.read_signed(status.fileno())
            return code


def _hear(share_or_peak: float, used_s: float | None = None) -> None:
    """Note how much of the file has been read or, at the end, the resources that the process took."""
    if used_s is None:
        progress.at(share_or_peak)
        return
    with _lock:
        taken.peak_bytes = max(taken.peak_bytes, int(share_or_peak))
        taken.processor_s += used_s
