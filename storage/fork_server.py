"""Starts processes within limits and without the studio's secrets, at once.

The fork server of `multiprocessing` forks them; the server has imported what they need. This module avoids
`multiprocessing.Process`, which imports the program's main module again in every child and polls the children of
other threads.
"""

from __future__ import annotations

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
from itertools import pairwise
from multiprocessing import connection, forkserver, reduction, util
from pathlib import Path
from typing import IO, Any

import psutil

from storage import progress

INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The environment variables that Python needs to start. None holds a secret of the studio."""
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""A process with several threads can't be forked safely."""
PACKAGES = Path(__file__).resolve().parents[1]
READERS = "storage.data.intake.readers"
PRELOADED = (
    *("storage.data.intake.reader_process", "storage.data.intake.fast", "pyarrow.parquet"),
    *("storage.rendering.questions", "tokenizers"),
    *(f"{READERS}.{info.name}" for info in pkgutil.iter_modules([str(PACKAGES.joinpath(*READERS.split(".")))])),
)
MAX_STARTS, START_AGAIN_S = 20, 0.05
"""A killed server may look alive for a moment."""
MAX_FILES = 4096
"""Far more files than the server has open."""
LOOK_S = 0.5
"""Time between two looks whether the process's work is still wanted."""

_lock = threading.Lock()
_started: list[subprocess.Popen[bytes]] = []
"""Kept because `subprocess` would collect the exit code of a dropped object, which `multiprocessing` waits for."""


def start() -> None:
    """Start the server, which takes half a second, before the first file needs it."""
    with _served():
        pass


def begun(program: Any, passed: Sequence[int], until: float, files: ExitStack) -> tuple[int, IO[bytes]]:
    """Start a process that runs `program._bootstrap` with the `passed` files, see `entered`.

    Returns its id and the pipe for its exit code. Closing `files` ends it. Raises `TimeoutError`, and
    `ConnectionError` or `EOFError` if the server is gone.
    """
    with _served():
        pipes = forkserver.connect_to_new_process(list(passed))
    status = files.enter_context(os.fdopen(pipes[0], "rb", buffering=0))
    alive = files.enter_context(os.fdopen(pipes[1], "wb", buffering=0))
    for each in ({"sys_path": sys.path}, program):
        reduction.dump(each, alive)
    ready([status], until)
    return forkserver.read_signed(status.fileno()), status


def entered(parent: int) -> list[int]:
    """Cut a new process off from all but its pipes, which it returns; the last one it got takes its output."""
    *pipes, said = list(forkserver.get_inherited_fds() or ())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends this signal to every process of the studio
    os.dup2(said, sys.stdout.fileno())
    os.dup2(said, sys.stderr.fileno())
    kept = sorted((sys.stderr.fileno(), parent, *pipes, MAX_FILES))
    for file, following in pairwise(kept):
        os.closerange(file + 1, following)
    _end_with(parent)
    gc.freeze()  # otherwise the garbage collector would copy every page of memory
    return pipes


def end_with_parent() -> None:
    """Exit when the other end of stdin closes: nobody waits for this process any more."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def limit(memory_bytes: int, cpu_s: int, file_bytes: int) -> None:
    """Limit this process; the memory limit counts on top of the memory that it starts with."""
    limits = (
        (resource.RLIMIT_AS, psutil.Process().memory_info().vms + memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    )
    for which, wanted in limits:
        limit_one(which, wanted)


def limit_one(which: int, wanted: int) -> None:
    """Set a limit of this process, which it can raise again."""
    _, most = resource.getrlimit(which)
    try:
        resource.setrlimit(which, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
    except (OSError, ValueError):
        pass  # macOS has no limit for the address space; the other limits work there too


def _end_with(parent: int) -> None:
    """Have the system kill this process, whatever it is doing, when the parent closes its end of the pipe.

    macOS ignores the signal; there, the limit on processor time ends the process.
    """
    fcntl.fcntl(parent, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent, fcntl.F_SETFL, fcntl.fcntl(parent, fcntl.F_GETFL) | os.O_ASYNC)  # sends SIGIO
    if connection.wait([parent], timeout=0):
        sys.exit("The parent is gone.")


def ready(pipes: Sequence[Any], until: float) -> list[Any]:
    """The pipes with something to read. Raises `TimeoutError`, and `GivenUp` if nobody waits for them any more."""
    while not (found := connection.wait(pipes, max(0.0, min(LOOK_S, until - time.monotonic())))):
        if time.monotonic() >= until:
            raise TimeoutError
        progress.check_wanted()
    return found


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
