"""The studio starts its own programs, whatever lies in the folder where it does, and leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import storage
from storage import programs
from storage.models import User
from storage.programs import program

ROOT = Path(storage.__file__).parents[1]
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
from storage import programs
child = programs.spawn([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"], subprocess.DEVNULL)
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


@pytest.mark.parametrize("module", ["app.cli", "workers.workshop"])
def test_packages_of_the_same_name_do_not_stand_in_the_way(module: str, tmp_path: Path) -> None:
    for name in ("app", "storage", "workers", "templates"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('this is somebody else’s')")
    done = subprocess.run(program(module, "--help"), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


def test_no_program_is_started_in_another_way() -> None:
    files = [path for folder in ("app", "storage", "workers") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    started = [path.name for path in files if '"-m"' in path.read_text("utf-8")]
    assert started == ["programs.py"]


def test_a_part_dies_with_its_parent(studio: User) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHANING], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert until(lambda: "time.sleep" in " ".join(psutil.Process(child).cmdline()[-1:]))
    assert not gone(child)
    parent.kill()
    parent.wait()
    assert until(lambda: gone(child))


def test_stopping_ends_the_willing_and_the_stubborn(studio: User) -> None:
    willing = programs.spawn(SLEEP, subprocess.DEVNULL)
    stubborn = programs.spawn(STUBBORN, subprocess.PIPE)
    assert stubborn.stdout
    stubborn.stdout.readline()
    began = time.monotonic()
    programs.stop([willing, stubborn], grace_s=0.5)
    assert time.monotonic() - began < 3
    assert (willing.returncode, stubborn.returncode) == (-signal.SIGTERM, -signal.SIGKILL)


def test_a_part_for_the_duration_is_gone_afterwards(studio: User) -> None:
    with programs.for_the_duration("brief", SLEEP, STUDIO_CHAT_PORT="1") as process:
        assert until(lambda: psutil.Process(process.pid).environ().get("STUDIO_CHAT_PORT") == "1")
    assert process.poll() is not None


def test_a_log_that_grew_too_large_is_put_aside(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "LOG_BYTES", 10)
    programs.log_path("part").write_text("x" * 11)
    fresh = programs.log_path("part")
    assert not fresh.exists()
    assert Path(f"{fresh}.1").read_text() == "x" * 11


def test_a_leash_without_a_parent_starts_nothing() -> None:
    leash = [sys.executable, "-I", "-S", "-c", programs.LEASH, str(os.getpid() + 1), "/bin/echo", "started"]
    found = subprocess.run(leash, capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stdout == ""
