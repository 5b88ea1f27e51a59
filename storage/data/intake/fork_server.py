"""Forks a process for each file that is to be read: `python -m storage.data.intake.fork_server DOOR`.

It has imported what readers need, so that a file's process begins at once, and it reads nothing itself: no
file can reach what the next one's process is made of. It holds none of the studio's secrets and ends when
the process that started it does, or when there was nothing to do for a while; that one starts it again.

A request comes through the door, a socket: a line of JSON, and with it a socket for what is said of the
reading, and the files to write to. Who reads is killed once nobody listens any more.
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
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from storage import progress
from storage.data.intake import work

IDLE_S = 1_800
REQUEST_BYTES = 64 * 1024
N_FILES = 3
"""A socket for what is said of the reading, a file for what is read, and one for what the reader says else."""
BEGUN, ENDED = b"begun\n", b"ended %d %d %.6f\n"
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
STATM = Path("/proc/self/statm")
PRELOADED = ("pyarrow.json", "pyarrow.parquet")
"""What files of other kinds than its own two rows need."""


@dataclass
class _Reader:
    """A process that reads."""

    pid: int
    listener: socket.socket
    """To say things to who waits for it; closed on the other side once nobody does."""
    alive: int
    """A pipe that ends with the process."""

    def end(self) -> None:
        """Wait for its end and say it."""
        _, status, used = os.wait4(self.pid, 0)
        os.close(self.alive)
        code, peak_bytes = os.waitstatus_to_exitcode(status), used.ru_maxrss * MAXRSS_BYTES
        with self.listener, suppress(BrokenPipeError):
            self.listener.sendall(ENDED % (code, peak_bytes, _used_s()))


def _used_s() -> float:
    """Processor time that this process and all that it forked have taken, as far as those have ended."""
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + theirs.ru_utime + theirs.ru_stime


class Server:
    """Takes requests until the door is closed on the other side, or none came for long."""

    def __init__(self, door: socket.socket):
        self._door = door
        self._readers: list[_Reader] = []

    def serve(self) -> None:
        """Until then."""
        while True:
            watched = [(reader.listener.fileno(), reader.alive) for reader in self._readers]
            awaited = [self._door.fileno(), *(file for pair in watched for file in pair)]
            ready = select.select(awaited, [], [], None if self._readers else IDLE_S)[0]
            self._bury(ready)
            if self._door.fileno() in ready and not self._take():
                break
            if not ready:
                break
        for reader in self._readers:
            os.kill(reader.pid, signal.SIGKILL)

    def _bury(self, ready: list[int]) -> None:
        """End those that have ended, and those for which nobody waits any more."""
        for reader in list(self._readers):
            if reader.alive not in ready and reader.listener.fileno() not in ready:
                continue
            if reader.alive not in ready:
                os.kill(reader.pid, signal.SIGKILL)
            reader.end()
            self._readers.remove(reader)

    def _take(self) -> bool:
        """One request; False where the door is closed."""
        request, files, _, _ = socket.recv_fds(self._door, REQUEST_BYTES, N_FILES)
        while request and not request.endswith(b"\n"):
            request += self._door.recv(REQUEST_BYTES)
        if request:
            self._begin(json.loads(request), *files)
        return bool(request)

    def _begin(self, asked: dict[str, Any], talk: int, notes: int, said: int) -> None:
        listener = socket.socket(fileno=talk)
        alive, held_while_alive = os.pipe()
        pid = os.fork()
        if pid == 0:
            for other in (self._door, *(reader.listener for reader in self._readers)):
                other.close()  # or they would stay open as long as this process lives
            os.dup2(said, sys.stderr.fileno())
            _read_and_end(asked, listener, notes)
        for file in (held_while_alive, notes, said):
            os.close(file)
        self._readers.append(_Reader(pid, listener, alive))


def _read_and_end(asked: dict[str, Any], listener: socket.socket, notes: int) -> NoReturn:
    """Whatever comes of it: a fork never goes back to where it was made."""
    code = 1
    try:
        listener.sendall(BEGUN)
        _limit(**asked["limits"])
        progress.EVERY_S = asked["told_every_s"]
        sink = os.fdopen(notes, "wb")  # never closed: what is left in it after a failure is of no use
        with progress.told(lambda _, share: listener.sendall(b"%.3f\n" % (share or 0.0))), progress.step("Reading"):
            code = work.write(asked["wanted"], asked["source"], sink)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


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


def main() -> None:
    """Get ready, and serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to all that it has started
    for name in PRELOADED:
        importlib.import_module(name)
    work.prepare()
    gc.freeze()  # or looking for garbage would copy every page of memory in every fork
    Server(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
