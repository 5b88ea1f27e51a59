"""The web app over a fresh studio, without a network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.main import create_app
from storage.models import User

ADDRESS = "http://127.0.0.1:7860"


@pytest.fixture
def web(studio: User) -> FastAPI:
    """The whole web app."""
    return create_app()


@pytest.fixture
def client(web: FastAPI) -> Iterator[TestClient]:
    """A browser's stand-in on this machine; errors come back as answers."""
    with TestClient(web, base_url=ADDRESS, raise_server_exceptions=False) as browser:
        yield browser
