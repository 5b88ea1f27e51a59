"""The web app over a fresh studio, without a network; the pages, which take a second to build, only on demand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import gradio_startup, supervise
from app.main import create_app
from storage.models import User
from storage.settings import settings

gradio_startup.load()  # before a test imports Gradio, which then takes twice as long
ADDRESS = "http://127.0.0.1:7860"


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty page in place of the real ones."""
    import gradio

    monkeypatch.setattr("app.pages.build", gradio.Blocks)


@pytest.fixture
def web(studio: User, no_pages: None) -> FastAPI:
    """The web app with an empty page."""
    return create_app()


@pytest.fixture
def client(web: FastAPI) -> Iterator[TestClient]:
    """A browser's stand-in on this machine; errors come back as answers."""
    with TestClient(web, base_url=ADDRESS, raise_server_exceptions=False) as browser:
        yield browser


@pytest.fixture
def whole_client(studio: User) -> Iterator[TestClient]:
    """The same before the web app with all its pages."""
    with TestClient(create_app(), base_url=ADDRESS, raise_server_exceptions=False) as browser:
        yield browser


@pytest.fixture
def studio_command(studio: User, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command as a process; gives exit code, document and what it said on stderr."""
    monkeypatch.setenv("STUDIO_CHAT_PORT", str(supervise.free_port()))
    monkeypatch.setenv("STUDIO_WORKER_WARM", "0")
    monkeypatch.setenv("STUDIO_EVAL_ROWS", "4")
    settings.cache_clear()

    def run(*arguments: str) -> tuple[int, Any, str]:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments, "--json"], capture_output=True, text=True, timeout=280
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout), done.stderr

    return run
