"""Runs a chat server inside a test's process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI

from storage.settings import settings


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve `app` where the settings say that the chat server is; gives its base URL."""
    monkeypatch.setenv("STUDIO_CHAT_PORT", str(free_port()))
    settings.cache_clear()
    config = uvicorn.Config(app, port=settings().chat_port, log_level="warning", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield settings().chat
    finally:
        server.should_exit = True
        thread.join(20)
