"""Parts are kept alive, taken down in time, and never left behind."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable

import pytest

from app import supervise
from storage import programs
from storage.models import User
from templates.errors import Conflict


def until(true: Callable[[], bool], within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False


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
    assert until(lambda: programs.log_path("short").read_text().count("hello") == 2)
    assert "short  | hello" in capfd.readouterr().err


def test_a_part_that_ran_steadily_starts_again_at_once(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "STEADY_S", 0.0)
    part = supervise.Part("steady", (sys.executable, "-I", "-S", "-c", ""), pause_s=8.0)
    part.start()
    assert part.process
    part.process.wait()
    part.look_after()
    assert part.pause_s == 2 * supervise.FIRST_PAUSE_S


def test_a_taken_port_is_named(studio: User) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match="--port"):
            supervise.check_port("127.0.0.1", port, "Choose another: studio up --port 7870.")
    supervise.check_port("127.0.0.1", port, "")


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
