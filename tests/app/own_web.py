"""The web process by itself, over the studio of the test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil


@contextmanager
def own_web() -> Iterator[tuple[str, psutil.Process]]:
    """Its address, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "web", "--port", str(port)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        _wait(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while process.poll() is None:
        try:
            httpx.get(f"{address}/healthz", timeout=5).raise_for_status()
            return
        except httpx.TransportError:
            assert time.monotonic() < until, "the web process does not answer"
            time.sleep(0.2)
    raise AssertionError(f"the web process ended with code {process.returncode}")
