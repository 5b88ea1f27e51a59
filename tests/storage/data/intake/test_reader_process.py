"""Each file's process begins at once, ends with whoever waits for it, and knows none of the studio's secrets."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage import fork_server, progress
from storage.data.intake import reader_process
from storage.data.intake.reader_process import KILLED, Reading
from storage.data.intake.source import Source
from storage.rendering import limited
from templates.errors import StudioError

WITHIN_S = 60.0
WAITING = """
import sys
from pathlib import Path
from storage.data.intake import isolate, looking
print(isolate.columns(looking.Source(Path(sys.argv[1]), "rows", "json_lines", "utf-8")))
print(__name__, sys.argv[1])
"""


@pytest.fixture(autouse=True, scope="module")
def no_other_forks() -> None:
    """Other tests of this process may have left the server with warm processes."""
    limited.close_idle()


def run(path: Path, within_s: float = WITHIN_S) -> tuple[int, bytes]:
    """The exit code, and what was written."""
    source = Source(path, path.name, "json_lines", "utf-8")
    limits = {"memory_bytes": 4 * 1024**3, "cpu_s": 60, "file_bytes": 1024**3, "told_every_s": 0.0}
    with tempfile.TemporaryFile() as written, tempfile.TemporaryFile() as said:
        code = reader_process.run(Reading(source, **limits), written, said, within_s)  # type: ignore[arg-type]
        written.seek(0)
        return code, written.read()


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
    return forkserver._forkserver._forkserver_pid or 0  # type: ignore[attr-defined]


def end_server() -> None:
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


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
    for left in forks(server()) if server() else ():
        left.kill()


def test_what_is_read_is_written_down(rows: Path) -> None:
    assert run(rows) == (0, b'["row",1,{"a":"b"},{}]\n')


def test_one_server_serves_all(rows: Path) -> None:
    before = [run(rows)[0], server()]
    assert [run(rows)[0], server()] == before


def test_what_all_of_them_took_is_counted(rows: Path) -> None:
    run(rows)
    before = reader_process.taken.processor_s
    run(rows)
    assert 0 < before < reader_process.taken.processor_s < before + WITHIN_S
    assert reader_process.taken.peak_bytes > 10_000_000


def test_how_far_it_is_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "b"}\n' * 100_000)
    told: list[float | None] = []
    with progress.told(lambda _, share: told.append(share)), progress.step("Reading"):
        progress_every_s, progress.EVERY_S = progress.EVERY_S, 0.0
        try:
            assert run(path)[0] == 0
        finally:
            progress.EVERY_S = progress_every_s
    shares = [share for share in told if share is not None]
    assert shares == sorted(shares)
    assert len({share for share in shares if 0 < share < 1}) > 2


def test_who_takes_too_long_is_killed(endless: Path, rows: Path) -> None:
    with pytest.raises(TimeoutError):
        run(endless, 0.5)
    eventually(lambda: not forks(server()))
    assert run(rows)[0] == 0


def test_who_is_no_longer_waited_for_is_killed(endless: Path, rows: Path) -> None:
    looks = iter([True, False])
    with pytest.raises(progress.GivenUp), progress.while_wanted(lambda: next(looks)):
        run(endless)
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
    assert found[0] == KILLED
    assert run(rows)[0] == 0


def test_a_killed_server_does_not_stay_as_a_zombie(rows: Path) -> None:
    for _ in range(2):
        assert run(rows)[0] == 0
        killed = server()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda pid=killed: not psutil.pid_exists(pid))


def test_readers_end_with_the_server(endless: Path) -> None:
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(run(endless)[0]))
    waiting.start()
    (reader,) = eventually(lambda: forks(server()))
    end_server()
    waiting.join()
    assert found == [KILLED]
    eventually(lambda: not reader.is_running())


def test_a_server_that_ended_is_started_again(rows: Path) -> None:
    run(rows)
    first = server()
    os.kill(first, signal.SIGKILL)
    assert run(rows)[0] == 0
    assert not psutil.pid_exists(first)
    second = server()
    end_server()
    assert not psutil.pid_exists(second)
    assert run(rows)[0] == 0


def waiting_program(path: Path, folder: Path) -> subprocess.Popen[bytes]:
    """A program that reads a file, and does so as soon as it is imported."""
    program = folder / "program.py"
    program.write_text(WAITING)
    environment = {**os.environ, "PYTHONPATH": str(fork_server.PACKAGES)}
    return subprocess.Popen([sys.executable, str(program), str(path)], env=environment, stdout=subprocess.PIPE)


def test_no_reader_outlives_who_waits_for_it(endless: Path, tmp_path: Path) -> None:
    with waiting_program(endless, tmp_path) as waiting:
        started = eventually(
            lambda: len(now := forks(waiting.pid)) == 3 and now
        )  # with multiprocessing's resource tracker
        waiting.kill()
    eventually(lambda: not [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE])


def test_the_main_program_is_not_imported_again(rows: Path, tmp_path: Path) -> None:
    with waiting_program(rows, tmp_path) as waiting:
        said, _ = waiting.communicate(timeout=WITHIN_S)
    assert waiting.returncode == 0
    assert said.decode().splitlines() == ["None", f"__main__ {rows}"]


def test_nothing_is_imported_from_the_folder_that_the_program_runs_in(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "__init__.py").write_text("raise SystemExit('another one')")
    (tmp_path / "selectors.py").write_text("raise SystemExit('another one')")
    command = [sys.executable, "-P", "-c", WAITING, str(rows)]
    environment = {**os.environ, "PYTHONPATH": str(fork_server.PACKAGES)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (["None", f"__main__ {rows}"], "")


def test_no_secret_goes_along(endless: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_server()
    for name in ("STUDIO_SECRET_KEY", "HF_TOKEN", "STUDIO_DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    run(rows)
    waiting = threading.Thread(target=give_up, args=(endless,))
    waiting.start()
    readers = eventually(lambda: forks(server()))
    for process in (psutil.Process(server()), *readers):
        known = process.environ()
        assert "PATH" in known
        assert not [name for name in known if name.startswith("STUDIO_") or name in ("HOME", "HF_TOKEN")]
    waiting.join()


def test_a_server_that_does_not_start_is_told(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_server()
    multiprocessing.set_executable("/bin/false")
    try:
        with pytest.raises(StudioError, match="does not start"):
            run(rows)
    finally:
        multiprocessing.set_executable(sys.executable)
    assert run(rows)[0] == 0
