"""`studio up`: keeps web, worker and chat server running, and stops them in order.

Each part is a process in its own session, so that Ctrl-C reaches only the supervisor. On Linux the
kernel also sends a part SIGTERM when the supervisor dies, for whatever reason.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from storage.programs import CHAT, DRAIN_GRACE_S, WORKER, log_path, program, spawn, stop
from storage.settings import settings
from templates.errors import Conflict, StudioError

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
STEADY_S = 20.0
"""A part that ran this long has recovered, so its pauses start again with the first."""
WEB_GRACE_S = 5.0


def check_port(host: str, port: int, remedy: str) -> None:
    """Raise `Conflict` if the address is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise Conflict(
                f"{host}:{port} can't be used: {error.strerror}.", code="port_taken", remedy=remedy
            ) from error


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Part:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    due: float = 0.0
    n_starts: int = 0

    def start(self) -> None:
        """Start the process; a thread copies its output to its log and to stderr."""
        self.process = spawn(self.command, subprocess.PIPE, **self.variables)
        self.started = time.monotonic()
        self.n_starts += 1
        self.due = 0.0
        threading.Thread(target=self._copy, args=(self.process.stdout,), daemon=True).start()

    def _copy(self, output: IO[bytes]) -> None:
        path = log_path(self.name)
        for line in output:
            with path.open("ab") as file:
                file.write(line)
            say(f"{self.name:6} | {line.decode('utf-8', 'replace').rstrip()}")

    def look_after(self) -> None:
        """Restart the process if it ended, after a pause that grows with every quick exit."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if not self.due:
            if now - self.started >= STEADY_S:
                self.pause_s = FIRST_PAUSE_S
            say(f"{self.name} exited with code {self.process.returncode}; restarting in {self.pause_s:g} s")
            self.due = now + self.pause_s
            self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)
        elif now >= self.due:
            self.start()


def say(line: str) -> None:
    """Print one line to the terminal."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        pass  # the terminal is gone; the logs remain


def up(host: str, port: int) -> None:
    """Run web, worker and chat server until SIGINT or SIGTERM."""
    chat = settings()
    check_port(host, port, f"Choose another: studio up --port {port + 10}.")
    check_port(chat.chat_host, chat.chat_port, "Choose another for the chat server: STUDIO_CHAT_PORT=….")
    web = Part("web", program("app.cli", "web", "--host", host, "--port", str(port)))
    parts = [web, Part("worker", WORKER), Part("chat", CHAT)]
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    try:
        for part in parts:
            part.start()
        _watch(parts, stopping, _address(host, port))
    finally:
        _take_down(parts)


def _watch(parts: list[Part], stopping: threading.Event, address: str) -> None:
    announced = False
    while not stopping.wait(0.2):
        for part in parts:
            part.look_after()
        if not announced and answers(f"{address}/readyz"):
            say(f"\nOpen {address}\n")
            announced = True


def _take_down(parts: list[Part]) -> None:
    say("stopping: a running job saves a checkpoint and resumes at the next start")
    web, *others = [part.process for part in parts]
    stop([web] if web else [], WEB_GRACE_S)
    stop([process for process in others if process], DRAIN_GRACE_S)


def _address(host: str, port: int) -> str:
    seen = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{seen}:{port}"


def answers(url: str) -> bool:
    """Whether a GET returns 200. Polled often, so it avoids a client with TLS and a pool."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=2.0)
    try:
        connection.request("GET", address.path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def wait_until_answers(url: str, process: subprocess.Popen[bytes], log: Path, within_s: float) -> None:
    """Wait until `url` returns 200. Raises `StudioError` if the process exits or time runs out."""
    deadline = time.monotonic() + within_s
    while not answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StudioError(f"{log.stem} did not start.", code="part_did_not_start", remedy=f"See {log}.")
        time.sleep(0.1)
