"""Each file's process begins at once, ends with whoever waits for it, and knows none of the studio's secrets."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.data.intake import forked

LIMITS = {"memory_bytes": 4 * 1024**3, "cpu_s": 60, "file_bytes": 1024**3}
WITHIN_S = 60.0
WAITING = """
import json, sys, tempfile
from storage.data.intake import forked
forked.run(json.loads(sys.argv[1]), (tempfile.TemporaryFile(), tempfile.TemporaryFile()), 600, print)
"""


def asked(path: Path) -> dict[str, Any]:
    source = {"path": str(path), "filename": path.name, "format": "json_lines", "encoding": "utf-8"}
    return {"wanted": "rows", "source": source, "limits": LIMITS, "told_every_s": 0.2}


def run(path: Path, within_s: float = WITHIN_S) -> tuple[int, bytes]:
    """The exit code, and what was written."""
    with tempfile.TemporaryFile() as notes, tempfile.TemporaryFile() as said:
        code = forked.run(asked(path), (notes, said), within_s, lambda _: None)
        notes.seek(0)
        return code, notes.read()


def give_up(path: Path) -> None:
    """Wait for a while for what never comes."""
    with pytest.raises(TimeoutError):
        run(path, 2.0)


def eventually(found: Callable[[], Any]) -> Any:
    until = time.monotonic() + WITHIN_S
    while not (value := found()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return value


def forks(of: int) -> list[psutil.Process]:
    """What a process has started and is alive."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [one for one in psutil.Process(of).children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
    return []


def server() -> int:
    return forked._running[0].process.pid


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "b"}\n')
    return path


@pytest.fixture
def endless(tmp_path: Path, rows: Path) -> Iterator[Path]:
    """A file of which nothing can ever be read; the server runs."""
    path = tmp_path / "endless.jsonl"
    os.mkfifo(path)
    assert run(rows)[0] == 0
    yield path
    for left in forks(server()) if forked._running else ():
        left.kill()


def test_what_is_read_is_written_down(rows: Path) -> None:
    assert run(rows) == (0, b'["row",1,{"a":"b"},{}]\n')


def test_one_server_serves_all(rows: Path) -> None:
    before = [run(rows)[0], server()]
    assert [run(rows)[0], server()] == before


def test_what_all_of_them_took_is_counted(rows: Path) -> None:
    run(rows)
    before = forked.used_s()
    run(rows)
    assert 0 < before < forked.used_s() < before + WITHIN_S
    assert forked.largest_bytes() > 10_000_000


def test_who_takes_too_long_is_killed(endless: Path, rows: Path) -> None:
    with pytest.raises(TimeoutError):
        run(endless, 0.5)
    eventually(lambda: not forks(server()))
    assert run(rows)[0] == 0


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_is_the_exit_code(endless: Path, end: signal.Signals) -> None:
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(run(endless)[0]))
    waiting.start()
    (reader,) = eventually(lambda: forks(server()))
    reader.send_signal(end)
    waiting.join()
    assert found == [-end]


def test_one_that_hangs_keeps_no_other_waiting(endless: Path, rows: Path) -> None:
    waiting = threading.Thread(target=give_up, args=(endless,))
    waiting.start()
    eventually(lambda: forks(server()))
    assert run(rows)[0] == 0
    assert waiting.is_alive()
    waiting.join()


def test_the_server_may_be_killed_with_its_readers(endless: Path, rows: Path) -> None:
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(run(endless)[0]))
    waiting.start()
    for each in [*eventually(lambda: forks(server())), psutil.Process(server())]:
        each.kill()
    waiting.join()
    assert len(found) == 1
    assert found[0] == forked.KILLED
    assert run(rows)[0] == 0


def test_readers_end_with_the_server(endless: Path) -> None:
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(run(endless)[0]))
    waiting.start()
    (reader,) = eventually(lambda: forks(server()))
    forked.close()
    waiting.join()
    assert found == [forked.KILLED]
    eventually(lambda: not reader.is_running())


def test_a_server_that_ended_is_started_again(rows: Path) -> None:
    run(rows)
    first = server()
    os.kill(first, signal.SIGKILL)
    assert run(rows)[0] == 0
    forked.close()
    assert not psutil.pid_exists(first)
    assert run(rows)[0] == 0


def test_no_reader_outlives_who_waits_for_it(endless: Path) -> None:
    command = [sys.executable, "-c", WAITING, forked.json.dumps(asked(endless))]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(forked.PACKAGES)}) as waiting:
        started = eventually(lambda: len(now := forks(waiting.pid)) == 2 and now)
        waiting.kill()
    eventually(lambda: not [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE])


def test_no_secret_goes_along(endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forked.close()
    for name in ("STUDIO_SECRET_KEY", "HF_TOKEN", "STUDIO_DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    waiting = threading.Thread(target=give_up, args=(endless,))
    waiting.start()
    readers = eventually(lambda: forked._running and forks(server()))
    for process in (psutil.Process(server()), *readers):
        known = process.environ()
        assert "PATH" in known
        assert not [name for name in known if name.startswith("STUDIO_") or name in ("HOME", "HF_TOKEN")]
    waiting.join()


def test_a_server_that_does_not_start_is_told(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forked.close()
    monkeypatch.setattr(forked, "SERVER", "storage.data.intake.no_such_module")
    with pytest.raises(forked.StudioError, match="does not start"):
        run(rows)
    monkeypatch.undo()
    assert run(rows)[0] == 0
