"""Parts are kept alive, taken down in time, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app import supervise
from storage.models import User
from templates.errors import Conflict

SLEEP = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-I",
    "-S",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
)
ORPHANING = """
import subprocess, sys, time
from app import supervise
child = supervise.spawn([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"], subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""


def until(true: Callable[[], bool], within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_part_dies_with_its_parent(studio: User) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHANING], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert until(lambda: "time.sleep" in " ".join(psutil.Process(child).cmdline()[-1:]))
    assert not gone(child)
    parent.kill()
    parent.wait()
    assert until(lambda: gone(child))


def test_a_part_that_ends_is_started_again_more_and_more_slowly(
    studio: User, capfd: pytest.CaptureFixture[str]
) -> None:
    part = supervise.Part("short", (sys.executable, "-I", "-S", "-c", "print('hello')"))
    part.start()
    assert until(lambda: (part.look_after(), part.n_starts == 2)[1])
    assert part.pause_s == 2 * supervise.FIRST_PAUSE_S
    for _ in range(10):
        part.pause_s = min(part.pause_s * 2, supervise.LONGEST_PAUSE_S)
    assert part.pause_s == supervise.LONGEST_PAUSE_S
    assert until(lambda: supervise.log_path("short").read_text().count("hello") == 2)
    assert "short  | hello" in capfd.readouterr().err


def test_a_part_that_ran_steadily_starts_again_at_once(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "STEADY_S", 0.0)
    part = supervise.Part("steady", (sys.executable, "-I", "-S", "-c", ""), pause_s=8.0)
    part.start()
    assert part.process
    part.process.wait()
    part.look_after()
    assert part.pause_s == 2 * supervise.FIRST_PAUSE_S


def test_stopping_ends_the_willing_and_the_stubborn(studio: User) -> None:
    willing = supervise.spawn(SLEEP, subprocess.DEVNULL)
    stubborn = supervise.spawn(STUBBORN, subprocess.PIPE)
    assert stubborn.stdout
    stubborn.stdout.readline()
    began = time.monotonic()
    supervise.stop([willing, stubborn], grace_s=0.5)
    assert time.monotonic() - began < 3
    assert (willing.returncode, stubborn.returncode) == (-signal.SIGTERM, -signal.SIGKILL)


def test_a_part_for_the_duration_is_gone_afterwards(studio: User) -> None:
    with supervise.for_the_duration("brief", SLEEP, STUDIO_CHAT_PORT="1") as process:
        assert until(lambda: psutil.Process(process.pid).environ().get("STUDIO_CHAT_PORT") == "1")
    assert process.poll() is not None


def test_a_taken_port_is_named(studio: User) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match="--port"):
            supervise.check_port("127.0.0.1", port, "Choose another: studio up --port 7870.")
    supervise.check_port("127.0.0.1", port, "")


def test_a_log_that_grew_too_large_is_put_aside(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "LOG_BYTES", 10)
    supervise.log_path("part").write_text("x" * 11)
    fresh = supervise.log_path("part")
    assert not fresh.exists()
    assert Path(f"{fresh}.1").read_text() == "x" * 11


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:7860"),
        ("0.0.0.0", "http://127.0.0.1:7860"),
        ("::1", "http://[::1]:7860"),
        ("::", "http://[::1]:7860"),
    ],
)
def test_the_address_that_is_printed_can_be_opened(host: str, address: str) -> None:
    assert supervise._address(host, 7860) == address


def test_a_leash_without_a_parent_starts_nothing() -> None:
    leash = [sys.executable, "-I", "-S", "-c", supervise.LEASH, str(os.getpid() + 1), "/bin/echo", "started"]
    found = subprocess.run(leash, capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stdout == ""
