"""Starts and stops the studio's own programs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from storage.settings import settings


def program(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module of the studio.

    `-P` keeps the current folder out of the import path, because it may contain other packages called
    `app` or `storage`.
    """
    return (sys.executable, "-P", "-m", module, *arguments)


WORKER = program("workers.daemon")
CHAT = program("workers.serving.server")
DRAIN_GRACE_S = 28.0
LOG_BYTES = 10 * 1024 * 1024
LEASH = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is already gone")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Asks the kernel for SIGTERM when the parent dies (PR_SET_PDEATHSIG), then becomes the command."""


def spawn(command: Sequence[str], output: IO[bytes] | int, **variables: str) -> subprocess.Popen[bytes]:
    """Start a command that ends when this thread's process ends; adds `variables` to its environment.

    Call it from the main thread: the kernel ties the signal to the thread that started the child.
    """
    leashed = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), *command]
    return subprocess.Popen(
        leashed,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **variables},
        start_new_session=True,
    )


def stop(processes: Iterable[subprocess.Popen[bytes]], grace_s: float) -> None:
    """Send SIGTERM to all, and SIGKILL to those still running after `grace_s`."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + grace_s
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def for_the_duration(name: str, command: Sequence[str], **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A part that runs only inside the `with` block; its output goes to its log."""
    with log_path(name).open("ab") as output:
        process = spawn(command, output, **variables)
        try:
            yield process
        finally:
            stop([process], DRAIN_GRACE_S)


def log_path(name: str) -> Path:
    """The log file for a part's output; moves an oversized log aside first."""
    folder = settings().root / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(folder / f"{name}.log.1")
    return path
