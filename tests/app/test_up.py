"""`studio up` with all its real parts: it comes up, survives a killed part, and goes down in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app import supervise
from storage.models import User

GOES_DOWN_WITHIN_S = 35.0


class Up:
    """A running `studio up`."""

    def __init__(self, folder: Path):
        self.port, self.log = supervise.free_port(), folder / "up.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "up", "--port", str(self.port)],
                stderr=output,
                env={**os.environ, "STUDIO_CHAT_PORT": str(supervise.free_port()), "STUDIO_WORKER_WARM": "0"},
            )
        self.address = f"http://127.0.0.1:{self.port}"

    def part(self, name: str) -> psutil.Process | None:
        """The process of the part whose command line holds `name`."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if name in _command(child)), None)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # also a zombie: killed, and not yet collected by its parent
        return ""


@pytest.fixture
def up(studio: User, tmp_path: Path) -> Iterator[Up]:
    """A `studio up` on free ports."""
    running = Up(tmp_path)
    yield running
    running.process.kill()
    running.process.wait()


def until(true: Callable[[], object], within_s: float = 120.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_up_keeps_its_parts_alive_and_takes_them_down(up: Up) -> None:
    assert until(lambda: f"Open {up.address}" in up.log.read_text()), up.log.read_text()
    parts = {name: up.part(name) for name in ("app.cli web", "workers.daemon", "workers.serving.server")}
    assert all(parts.values())
    web = parts["app.cli web"]
    assert web
    web.send_signal(signal.SIGKILL)
    assert until(lambda: (found := up.part("app.cli web")) and found.pid != web.pid)
    assert until(lambda: supervise.answers(f"{up.address}/healthz"))
    left = psutil.Process(up.process.pid).children(recursive=True)
    began = time.monotonic()
    up.process.terminate()
    assert up.process.wait(GOES_DOWN_WITHIN_S) == 0
    assert time.monotonic() - began < GOES_DOWN_WITHIN_S
    assert until(lambda: not any(process.is_running() for process in left), 5)


@pytest.mark.long
def test_nothing_outlives_a_killed_supervisor(up: Up) -> None:
    assert until(lambda: up.part("workers.daemon") and up.part("workers.serving.server"))
    left = psutil.Process(up.process.pid).children(recursive=True)
    up.process.kill()
    up.process.wait()
    gone, alive = psutil.wait_procs(left, GOES_DOWN_WITHIN_S)
    assert not alive
    assert len(gone) == len(left)
