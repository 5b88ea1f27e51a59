"""Children: what they inherit, how they die, that nothing of them is left."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from workers import protocol
from workers.child import Child, environment, oom_kills, remove_leftovers

SHOW = (
    "import json, os; print(json.dumps({'type': 'noted', 'kind': 'env', 'data': {'cwd': os.listdir(), **os.environ}}))"
)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def wait(holds: Callable[[], object], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_it_inherits_no_secret_and_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STUDIO_DATABASE_URL", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "STUDIO_BROKER_URL"):
        monkeypatch.setenv(name, "canary")
    child = Child(python(SHOW), device="3", threads=2)
    said = child.reports.get(timeout=20)
    assert isinstance(said, protocol.Noted)
    assert "canary" not in str(said.data)
    assert said.data["cwd"] == []
    assert (said.data["CUDA_VISIBLE_DEVICES"], said.data["OMP_NUM_THREADS"]) == ("3", "2")
    assert said.data["HF_HUB_OFFLINE"] == "1"
    assert said.data["STUDIO_CPU_DTYPE"] == "float32", "which the child can't read anywhere else"
    assert not said.data["HOME"].startswith(os.path.expanduser("~") + "/.")
    child.bury()
    assert not Path(said.data["HOME"]).exists()


def test_the_gpu_mask_of_the_worker_is_inherited_when_the_slot_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert environment(tmp_path, None, 1)["CUDA_VISIBLE_DEVICES"] == ""


def test_what_is_no_message_is_not_taken_for_one() -> None:
    child = Child(python("print('loading…'); print('{}'); print('{\"type\": \"ready\"}', flush=True); input()"))
    assert child.ready.wait(20)
    child.kill()
    assert child.reports.get(timeout=10) is None
    child.bury()


def test_its_descendants_die_with_it() -> None:
    code = (
        "import subprocess, sys, json; p = subprocess.Popen(['sleep', '60']);"
        "print(json.dumps({'type': 'noted', 'kind': 'pid', 'data': {'pid': p.pid}}), flush=True); input()"
    )
    child = Child(python(code))
    said = child.reports.get(timeout=20)
    assert isinstance(said, protocol.Noted)
    child.bury()
    wait(lambda: not psutil.pid_exists(said.data["pid"]) or psutil.Process(said.data["pid"]).status() == "zombie")


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        ("import sys; sys.exit('no torch here')", 1, "exited with code 1"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV, "SIGSEGV"),
    ],
)
def test_its_death_is_told(code: str, exit_code: int, words: str) -> None:
    child = Child(python(code))
    assert child.reports.get(timeout=20) is None
    death = child.bury()
    assert death.exit_code == exit_code
    assert words in str(death)
    assert death.killed == (exit_code == -signal.SIGKILL)
    if exit_code == 1:
        assert death.last_words == "no torch here"


def test_sending_to_the_dead_is_no_error() -> None:
    child = Child(python("pass"))
    wait(lambda: not child.alive)
    assert child.send(protocol.Stop(stop="discard")) is False
    child.bury()


def test_leftovers_of_killed_workers_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, mine = tmp_path / "studio-child-999999999-x", tmp_path / f"studio-child-{os.getpid()}-x"
    dead.mkdir()
    mine.mkdir()
    remove_leftovers()
    assert (dead.exists(), mine.exists()) == (False, True)


def test_the_kernel_counts_its_kills() -> None:
    assert oom_kills() >= 0
