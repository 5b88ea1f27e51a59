"""Has files read in processes of their own: `fork_server`, which is started at first need, forks them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from storage.programs import program
from templates.errors import StudioError

INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Of the environment: what Python needs to start. No secret of the studio is among it."""
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""What has several threads can't be forked safely."""
PACKAGES = Path(__file__).resolve().parents[3]
SERVER = "storage.data.intake.fork_server"
OUT_OF_MEMORY, TOO_MUCH_TEXT, DISK_FULL = 3, 4, 5
"""Exit codes of who reads."""
KILLED = -9
MAX_STARTS = 3
ANSWER_BYTES = 4096


@dataclass
class _Server:
    process: subprocess.Popen[bytes]
    door: socket.socket
    owner: int
    """Who started it: a process that was forked from that one needs a server of its own."""
    largest_bytes: int = 0
    used_s: float = 0.0


_lock = threading.Lock()
_running: list[_Server] = []


def run(asked: Any, files: Sequence[IO[bytes]], within_s: float, tell: Callable[[float], None]) -> int:
    """Have `work.write` do what is asked; gives the exit code of the process that did.

    `files` are for what it writes and for what it says else; `tell` hears how much was read, from 0 to 1.
    Raises `TimeoutError` after `within_s`; the process is killed then.
    """
    until = time.monotonic() + within_s
    request = json.dumps(asked).encode() + b"\n"
    for _ in range(MAX_STARTS):
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                _send(request, [theirs.fileno(), *(file.fileno() for file in files)])
            has_begun = False
            for word, *values in _answers(ours, until):
                if word == "ended":
                    code, peak_bytes, used_s = values
                    _note(int(peak_bytes), float(used_s))
                    return int(code)
                if word == "begun":
                    has_begun = True
                else:
                    tell(float(word))
            if has_begun:
                return KILLED  # with the server, or that would have said how it ended
    raise StudioError("The process that reads files does not start.", remedy="Look into the studio's log.")


def start() -> None:
    """Have a server ready by the time when a file is to be read; to start takes half a second."""
    with _lock:
        _server()


def largest_bytes() -> int:
    """The most memory that one of the processes of the running server had resident, what they share included."""
    return max((server.largest_bytes for server in _running), default=0)


def used_s() -> float:
    """Processor time of the running server and of all that it forked, as far as those have ended."""
    return max((server.used_s for server in _running), default=0.0)


def close() -> None:
    """End the server, and wait until all that it forked has ended."""
    with _lock:
        _end()


def _answers(ours: socket.socket, until: float) -> Iterator[list[str]]:
    held = b""
    while True:
        ours.settimeout(max(until - time.monotonic(), 1e-9))
        got = ours.recv(ANSWER_BYTES)
        if not got:
            return
        *lines, held = (held + got).split(b"\n")
        for line in lines:
            yield line.decode().split()


def _note(peak_bytes: int, used_s: float) -> None:
    with _lock:
        for server in _running:
            server.largest_bytes = max(server.largest_bytes, peak_bytes)
            server.used_s = max(server.used_s, used_s)


def _send(request: bytes, files: Sequence[int]) -> None:
    with _lock:
        for _ in range(MAX_STARTS):
            try:
                socket.send_fds(_server().door, [request], files)
                return
            except (BrokenPipeError, ConnectionResetError):
                _end()  # it had waited for long, or was killed


def _server() -> _Server:
    if _running and (_running[0].owner != os.getpid() or _running[0].process.poll() is not None):
        _end()
    if not _running:
        ours, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if name in INHERITED} | ONE_THREAD
        environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            process = subprocess.Popen(
                program(SERVER, str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
            )
        _running.append(_Server(process, ours, os.getpid()))
    return _running[0]


def _end() -> None:
    while _running:
        server = _running.pop()
        server.door.close()
        if server.owner == os.getpid():
            server.process.wait()
