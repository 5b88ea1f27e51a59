"""Forks a process for each file that is to be read: `python -m storage.intake.fork_server DOOR`.

It has imported what readers need, so that a file's process begins at once, and it reads nothing itself: no
file can reach what the next one's process is made of. It holds none of the studio's secrets and ends when
the process that started it does, or when there was nothing to do for a while; that one starts it again.

A request comes through the door, a socket: a line of JSON, and with it the files to write to. Each has two
processes. One reads, within limits. The other waits for its end and says it, or kills it once nobody
listens any more.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from storage import progress
from storage.intake import work

IDLE_S = 600
REQUEST_BYTES = 64 * 1024
N_FILES = 3
"""A socket for what is said of the reading, a file for what is read, and one for what the reader says else."""
BEGUN, ENDED = b"begun\n", b"ended %d %d\n"
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
STATM = Path("/proc/self/statm")
PRELOADED = ("pyarrow.compute", "pyarrow.json", "pyarrow.parquet", "numpy")


def serve(door: socket.socket) -> None:
    """Until the door is closed on the other side."""
    for name in PRELOADED:
        importlib.import_module(name)
    work.prepare()
    gc.freeze()  # or looking for garbage would copy every page of memory in every fork
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to all that it has started
    while select.select([door], [], [], IDLE_S)[0]:
        request, files = _receive(door)
        if not request:
            break
        if os.fork() == 0:
            door.close()
            _as_process(partial(_mind, json.loads(request), *files))
        for file in files:
            os.close(file)
        _bury()
    door.close()
    _bury(wait=True)


def _receive(door: socket.socket) -> tuple[bytes, list[int]]:
    request, files, _, _ = socket.recv_fds(door, REQUEST_BYTES, N_FILES)
    while request and not request.endswith(b"\n"):
        request += door.recv(REQUEST_BYTES)
    return request, files


def _bury(*, wait: bool = False) -> None:
    """Take note of the ends of processes, which would stay listed otherwise."""
    try:
        while os.waitpid(-1, 0 if wait else os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _as_process(task: Callable[[], int]) -> None:
    """Do this and end, whatever comes of it: a fork never goes back to where it was made."""
    code = 1
    try:
        code = task()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _mind(asked: dict[str, Any], talk: int, notes: int, said: int) -> int:
    """Have the file read and say how that ended; kill who reads it once nobody listens."""
    with socket.socket(fileno=talk) as listener:
        listener.sendall(BEGUN)
        alive, held_while_alive = os.pipe()
        reader = os.fork()
        if reader == 0:
            os.dup2(said, sys.stderr.fileno())
            os.close(alive)
            _as_process(partial(_read, asked, listener, notes))
        os.close(held_while_alive)
        if alive not in select.select([alive, listener.fileno()], [], [])[0]:
            os.kill(reader, signal.SIGKILL)
        _, status, used = os.wait4(reader, 0)
        with suppress(BrokenPipeError):  # where nobody listens any more
            listener.sendall(ENDED % (os.waitstatus_to_exitcode(status), used.ru_maxrss * MAXRSS_BYTES))
    return 0


def _read(asked: dict[str, Any], listener: socket.socket, notes: int) -> int:
    _limit(**asked["limits"])
    progress.EVERY_S = asked["told_every_s"]
    sink = os.fdopen(notes, "wb")  # never closed: what is left in it after a failure is of no use
    with progress.told(lambda _, share: listener.sendall(b"%.3f\n" % (share or 0.0))), progress.step("Reading"):
        return work.write(asked["wanted"], asked["source"], sink)


def _limit(memory_bytes: int, cpu_s: int, file_bytes: int) -> None:
    """Hold this process within limits; that of memory is for what it takes beside what it has from the begin."""
    has_bytes = int(STATM.read_text().split()[0]) * resource.getpagesize() if STATM.exists() else 0
    limits = (
        (resource.RLIMIT_AS, has_bytes + memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    )
    for which, wanted in limits:
        _, most = resource.getrlimit(which)
        try:
            resource.setrlimit(which, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
        except (OSError, ValueError):
            continue  # macOS knows no limit of the address space; the other limits hold there too


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
