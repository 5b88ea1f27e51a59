"""Starts a process for each file, within limits and without the studio's secrets.

The fork server of `multiprocessing` forks it; the server has imported what readers need, so that the process
starts at once. This module avoids `multiprocessing.Process`, which imports the program's main module again in every
child and polls the children of other threads.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from multiprocessing import connection, forkserver, reduction, util
from pathlib import Path
from typing import IO, Any

import psutil

from storage import progress
from storage.data.intake import readers
from storage.data.intake.notes import Notes
from storage.data.intake.source import MAX_ROWS, Source
from templates.errors import StudioError

INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The environment variables that Python needs to start. None holds a secret of the studio."""
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""A process with several threads can't be forked safely."""
PACKAGES = Path(__file__).resolve().parents[3]
PRELOADED = (
    *("storage.data.intake.reader_process", "storage.data.intake.fast", "pyarrow.parquet"),
    *(f"{readers.__name__}.{info.name}" for info in pkgutil.iter_modules(readers.__path__)),
)
OUT_OF_MEMORY, TOO_MUCH_TEXT, DISK_FULL = 3, 4, 5
"""Exit codes of a process that couldn't read its file."""
KILLED = -9
DOCUMENTS = ("html", "pdf", "word")
"""Formats in which a row is a part of a text."""
MAX_STARTS, START_AGAIN_S = 20, 0.05
"""A killed server may look alive for a moment."""
ANSWER_BYTES = 4096
MAX_FILES = 4096
"""Far more files than the server has open."""
LOOK_S = 0.5
"""Time between two looks whether the file is still wanted."""
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_PART_IT = "Give the document more headings, or split it."

_lock = threading.Lock()
_started: list[subprocess.Popen[bytes]] = []
"""Kept because `subprocess` would collect the exit code of a dropped object, which `multiprocessing` waits for."""


@dataclass
class _Taken:
    peak_bytes: int = 0
    processor_s: float = 0.0


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
        told, written, said = list(forkserver.get_inherited_fds() or ())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends this signal to every process of the studio
        os.dup2(said, sys.stdout.fileno())
        os.dup2(said, sys.stderr.fileno())
        kept = sorted((sys.stderr.fileno(), parent, told, written, MAX_FILES))
        for file, following in pairwise(kept):
            os.closerange(file + 1, following)
        _end_with(parent)
        gc.freeze()  # otherwise the garbage collector would copy every page of memory
        self._limit()
        progress.EVERY_S = self.told_every_s
        sink = os.fdopen(written, "wb")  # never closed: after a failure, its buffer is useless

        def tell(_: str, share: float | None) -> None:
            os.write(told, b"%.3f\n" % (share or 0.0))

        with progress.told(tell), progress.step("Reading"):
            code = write(self.source, sink)
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES
        os.write(told, b"%d %.6f\n" % (peak_bytes, time.process_time()))
        return code

    def _limit(self) -> None:
        """Limit this process; the memory limit counts on top of the memory that it starts with."""
        limits = (
            (resource.RLIMIT_AS, psutil.Process().memory_info().vms + self.memory_bytes),
            (resource.RLIMIT_CPU, self.cpu_s),
            (resource.RLIMIT_FSIZE, self.file_bytes),
            (resource.RLIMIT_CORE, 0),
        )
        for which, wanted in limits:
            _, most = resource.getrlimit(which)
            try:
                resource.setrlimit(which, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
            except (OSError, ValueError):
                continue  # macOS has no limit for the address space; the other limits work there too


def _end_with(parent: int) -> None:
    """Have the system kill this process, whatever it is doing, when the parent closes its end of the pipe.

    macOS ignores the signal; there, the limit on processor time ends the process.
    """
    fcntl.fcntl(parent, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent, fcntl.F_SETFL, fcntl.fcntl(parent, fcntl.F_GETFL) | os.O_ASYNC)  # sends SIGIO
    if connection.wait([parent], timeout=0):
        sys.exit("The parent is gone.")


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


def start() -> None:
    """Start the server, which takes half a second, before the first file needs it."""
    with _served():
        pass


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
    with os.fdopen(theirs, "wb", buffering=0), _served():
        pipes = forkserver.connect_to_new_process([theirs, sink.fileno(), said.fileno()])
    status = files.enter_context(os.fdopen(pipes[0], "rb", buffering=0))
    alive = files.enter_context(os.fdopen(pipes[1], "wb", buffering=0))
    for each in ({"sys_path": sys.path}, reading):
        reduction.dump(each, alive)
    _ready([status], until)
    return forkserver.read_signed(status.fileno()), told, status


def _ended(told: IO[bytes], status: IO[bytes], until: float) -> int:
    """Pass on the progress until the process ends; returns the exit code.

    Raises `TimeoutError`, and `EOFError` if the server is gone.
    """
    awaited, held = [told, status], b""
    while True:
        ready = _ready(awaited, until)
        got = told.read(ANSWER_BYTES) if told in ready else b""
        *lines, held = (held + got).split(b"\n")
        for line in lines:
            _hear(*map(float, line.split()))
        if told in ready and not got:
            awaited = [status]
        elif not got:
            code: int = forkserver.read_signed(status.fileno())
            return code


def _ready(pipes: Sequence[Any], until: float) -> list[Any]:
    """The pipes with something to read. Raises `TimeoutError`, and `GivenUp` if nobody waits for the file any more."""
    while not (ready := connection.wait(pipes, max(0.0, min(LOOK_S, until - time.monotonic())))):
        if time.monotonic() >= until:
            raise TimeoutError
        progress.check_wanted()
    return ready


def _hear(share_or_peak: float, used_s: float | None = None) -> None:
    """Note how much of the file has been read or, at the end, the resources that the process took."""
    if used_s is None:
        progress.at(share_or_peak)
        return
    with _lock:
        taken.peak_bytes = max(taken.peak_bytes, int(share_or_peak))
        taken.processor_s += used_s


@contextmanager
def _served() -> Iterator[None]:
    """Run the server; if this block needs to start one, it starts as this module requires."""
    with _lock:
        spawned, util.spawnv_passfds = util.spawnv_passfds, _spawned
        try:
            forkserver.set_forkserver_preload(list(PRELOADED))
            forkserver.ensure_running()
            yield
        finally:
            util.spawnv_passfds = spawned


def _spawned(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
    """Replaces `spawnv_passfds`: leaves out the studio's secrets, and imports nothing from the current folder."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | ONE_THREAD
    environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [path, "-P", *args[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment,
        pass_fds=passfds,
    )
    _started.append(process)
    threading.Thread(target=_collect, args=(process,), name="fork-server", daemon=True).start()
    return process.pid


def _collect(process: subprocess.Popen[bytes]) -> None:
    """Wait for the server's end and collect its exit code: a killed one would stay as a zombie until the next file.

    `multiprocessing` collects the code of a server that it replaces, and must not find it taken by somebody else.
    """
    server: Any = forkserver._forkserver  # its state has no public name
    with suppress(ChildProcessError):  # it was replaced meanwhile
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with _lock, server._lock:
            if server._forkserver_pid == process.pid:
                os.close(server._forkserver_alive_fd)
                server._forkserver_address = server._forkserver_alive_fd = server._forkserver_pid = None
            process.poll()
    _started.remove(process)
