"""The server as its own process: on its port at once, ready a little later, gone when told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from storage.models import User
from storage.settings import secret


@pytest.mark.slow
def test_it_answers_before_torch_is_imported_and_ends_on_sigterm(studio: User) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.serving.server"], env={**os.environ, "STUDIO_CHAT_PORT": str(port)}
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            early = health(client, lambda told: True)
            assert early["ready"] is False
            headers = {"Authorization": f"Bearer {secret('chat')}"}
            listed = client.get("/v1/models", headers=headers).json()["data"]
            assert [(model["id"], model["studio"]["kind"]) for model in listed] == [
                ("studio-small", "base"),
                ("studio-nano", "base"),
            ]
            body = {"model": "studio-nano", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
            assert client.post("/v1/chat/completions", json=body, headers=headers).status_code == 200
            assert health(client, lambda told: told["ready"])["device"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    finally:
        process.kill()


def health(client: httpx.Client, wanted: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        try:
            told: dict[str, Any] = client.get("/healthz").json()
            if wanted(told):
                return told
        except httpx.TransportError:
            pass  # not on its port yet
        assert time.monotonic() < deadline
        time.sleep(0.05)
