"""A local server that plays a service with OpenAI's protocol, and can misbehave in every way."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-0123456789abcdef"


@dataclass(frozen=True)
class Trouble:
    """An answer other than the right one."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """The connection ends in the middle of the body."""
    silent_s: float = 0.0


def error(status: int, message: str, **headers: str) -> Trouble:
    """An error as OpenAI words it."""
    return Trouble(status, json.dumps({"error": {"message": message}}).encode(), headers)


@dataclass
class PlayedService:
    """What it was asked, and how it misbehaves."""

    url: str = ""
    key: str | None = None
    """The only key that it accepts."""
    models: tuple[str, ...] = ("wise",)
    troubles: list[Trouble] = field(default_factory=list)
    """The next requests get these instead."""
    always: Trouble | None = None
    """Every request gets this instead."""
    after: int | None = None
    """`always` begins after so many right answers."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """All requests that were answered rightly."""
    arrived: list[float] = field(default_factory=list)
    """The times of all requests."""
    hosts: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    reasoning: str | None = None
    finish: str = "stop"
    slow_s: float = 0.0
    chokes_on: str | None = None
    """The question that always fails."""
    counts: bool = True
    reply: Callable[[dict[str, Any]], str] | None = None
    """What it says to a request; by default “the answer to …”."""
    at_once: int = 0
    most_at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def prompts(self) -> list[str]:
        """The questions that were answered."""
        return [request["messages"][-1]["content"] for request in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: PlayedService

    def log_message(self, *args: Any) -> None:
        """Stay silent."""

    def do_POST(self) -> None:
        service = self.service
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with service.lock:
            service.at_once += 1
            service.most_at_once = max(service.most_at_once, service.at_once)
            service.arrived.append(time.monotonic())
            service.hosts.append(self.headers.get("Host", ""))
            service.keys.append(self.headers.get("Authorization", "").removeprefix("Bearer "))
        time.sleep(service.slow_s)
        try:
            self._answer(json.loads(body))
        finally:
            with service.lock:
                service.at_once -= 1

    def _answer(self, request: dict[str, Any]) -> None:
        service = self.service
        with service.lock:
            trouble = service.troubles.pop(0) if service.troubles else self._lasting()
        if trouble is None:
            trouble = self._refusal(request)
        if trouble is not None:
            time.sleep(trouble.silent_s)
            return self._send(trouble)
        with service.lock:
            service.asked.append(request)
        said = service.reply(request) if service.reply else f"the answer to {request['messages'][-1]['content']}"
        message = {"role": "assistant", "content": said, "reasoning_content": service.reasoning}
        usage = {"usage": {"prompt_tokens": 10, "completion_tokens": 5}} if service.counts else {}
        document = {"choices": [{"message": message, "finish_reason": service.finish}], **usage}
        return self._send(Trouble(200, json.dumps(document).encode()))

    def _lasting(self) -> Trouble | None:
        begins = self.service.after is None or len(self.service.asked) >= self.service.after
        return self.service.always if begins else None

    def _refusal(self, request: dict[str, Any]) -> Trouble | None:
        if self.service.key is not None and self.service.keys[-1] != self.service.key:
            return error(401, f"Incorrect API key provided: {self.service.keys[-1]}")
        if request["messages"][-1]["content"] == self.service.chokes_on:
            return error(500, "I choke on this")
        if self.path != "/v1/chat/completions" or request["model"] not in self.service.models:
            return error(404, f"The model `{request['model']}` does not exist")
        return None

    def _send(self, answer: Trouble) -> None:
        try:
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client was killed, or is tired of waiting
        if answer.cut:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a client goes away, as the killed ones do."""


@contextmanager
def playing() -> Iterator[PlayedService]:
    """A running service."""
    service = PlayedService()
    handler = type("Handler", (_Handler,), {"service": service})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        service.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        try:
            yield service
        finally:
            server.shutdown()
