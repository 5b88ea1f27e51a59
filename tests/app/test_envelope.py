"""Limits and headers around every answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlmodel import func, select

from app.api import envelope
from app.main import create_app
from storage import db
from storage.models import Upload, User
from storage.settings import settings

MB = 1024 * 1024


@pytest.fixture
def small(studio: User, no_pages: None, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A studio that takes files of one megabyte."""
    monkeypatch.setenv("STUDIO_MAX_UPLOAD_BYTES", str(MB))
    settings.cache_clear()
    return TestClient(create_app(), base_url="http://127.0.0.1:7860", raise_server_exceptions=False)


def n_uploads() -> int:
    with db.reading() as session:
        return session.exec(select(func.count()).select_from(Upload)).one()


@pytest.mark.parametrize("size", [MB + 1, 2 * MB])
def test_a_large_file_is_413_and_leaves_nothing(small: TestClient, size: int) -> None:
    answer = small.post("/api/v1/uploads", files={"file": ("big.csv", b"x" * size)})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    assert n_uploads() == 0
    assert not [path for path in (settings().files / "blobs").rglob("*") if path.is_file()]


def test_a_body_that_hides_its_size_is_cut_off(small: TestClient) -> None:
    read = []

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(64):
            read.append(1)
            yield b"x" * (MB // 8)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = small.post("/api/v1/uploads", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert n_uploads() == 0


@pytest.mark.parametrize("path", ["/api/v1/plans", "/api/v1/jobs", "/api/v1/chat/completions"])
def test_a_document_has_a_limit_too(small: TestClient, path: str) -> None:
    large = {"base": "x" * (envelope.DOCUMENT_BYTES + 1)}
    assert small.post(path, json=large).status_code == 413
    hidden = (b"x" * 65536 for _ in range(32))
    assert small.post(path, content=hidden, headers={"Content-Type": "application/json"}).status_code == 413


def test_a_file_within_the_limit_is_taken(small: TestClient) -> None:
    assert small.post("/api/v1/uploads", files={"file": ("a.csv", b"a,b\n" * 1000)}).status_code == 201
    assert n_uploads() == 1


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/me", "/api/docs", "/api/nothing"])
def test_every_answer_keeps_to_itself(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"


def test_the_reference_page_loads_nothing(client: TestClient) -> None:
    page = client.get("/api/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert "src=" not in page
    assert "/api/v1/jobs/{job_id}/cancel" in page


@pytest.mark.parametrize("address", ["/api/v1/jobs/a%00b", "/api/v1/jobs/a/logs?lines=%00"])
def test_nul_in_an_address_is_refused(client: TestClient, address: str) -> None:
    assert client.get(address).status_code == 422
