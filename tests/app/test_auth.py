"""The guard: who gets in, who does not, and how they are told."""

from __future__ import annotations

import asyncio
import base64

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app import auth, login_limits
from app.main import create_app
from storage import users
from storage.models import User
from templates.errors import BadInput

PASSWORD = "correct horse battery"


def login(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_on_loopback_without_accounts_everybody_is_the_local_user(client: TestClient) -> None:
    assert client.get("/api/v1/me").json() == {"name": "local"}


@pytest.mark.parametrize("host", ["localhost", "localhost:7860", "127.0.0.1", "127.0.0.2:80", "[::1]:7860"])
def test_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/me", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", ""])
def test_a_rebound_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/v1/me", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "unknown_host"


def test_a_proxys_name_can_be_allowed(studio: User, no_pages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.settings import settings

    monkeypatch.setenv("STUDIO_ALLOWED_HOSTS", "studio.example.org")
    settings.cache_clear()
    client = TestClient(create_app(), base_url="http://127.0.0.1")
    assert client.get("/api/v1/me", headers={"Host": "studio.example.org"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Origin": "http://127.0.0.1:7860"}, 422),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 422),
    ],
)
def test_only_the_studios_own_pages_change_things(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.post("/api/v1/plans", json={}, headers=headers).status_code == status


def test_another_address_demands_accounts(studio: User, no_pages: None) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "studio.example.org"):
        with pytest.raises(BadInput, match="studio users add NAME"):
            create_app(host)
    users.add("alice", PASSWORD)
    create_app("0.0.0.0")


def test_a_studio_exposed_by_other_means_refuses(web: FastAPI) -> None:
    outside = TestClient(web, base_url="http://192.0.2.7:7860")
    answer = outside.get("/api/v1/me")
    assert answer.status_code == 403
    assert "studio users add" in answer.json()["error"]["message"]


def test_with_accounts_a_password_is_asked_for(client: TestClient) -> None:
    users.add("alice", PASSWORD)
    asked = client.get("/api/v1/me")
    assert asked.status_code == 401
    assert asked.headers["WWW-Authenticate"].startswith("Basic ")
    assert client.get("/api/v1/me", headers=login("alice")).json() == {"name": "alice"}
    assert client.get("/api/v1/me", headers=login("alice", "wrong")).status_code == 401
    assert client.get("/api/v1/me", headers=login("nobody")).status_code == 401
    assert client.get("/api/v1/me", headers=login("local", "")).status_code == 401
    for header in ("Basic", "Basic !!!", "Basic YWxpY2U=", "Bearer x", "Basic /w=="):
        assert client.get("/api/v1/me", headers={"Authorization": header}).status_code == 401


def test_a_right_password_is_derived_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("alice", PASSWORD)
    derived = []
    really = users.with_password
    monkeypatch.setattr(users, "with_password", lambda *given: derived.append(given[0]) or really(*given))
    for _ in range(5):
        assert client.get("/api/v1/me", headers=login("alice")).status_code == 200
    assert derived == ["alice"]


def test_a_burst_of_one_login_is_one_check(web: FastAPI) -> None:
    users.add("alice", PASSWORD)

    async def burst() -> list[int]:
        transport = httpx.ASGITransport(web, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as browser:
            answers = [
                browser.get("/api/v1/me", headers=login("alice")) for _ in range(2 * login_limits.FAILURES_PER_NAME)
            ]
            return [answer.status_code for answer in await asyncio.gather(*answers)]

    assert set(asyncio.run(burst())) == {200}


def test_guessing_is_slowed_down(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("alice", PASSWORD)
    assert client.get("/api/v1/me", headers=login("alice")).status_code == 200
    monkeypatch.setattr(users, "with_password", lambda *given: None)
    answers = [
        client.get("/api/v1/me", headers=login("alice", f"guess {n}"))
        for n in range(login_limits.FAILURES_PER_NAME + 1)
    ]
    assert [answer.status_code for answer in answers] == [401] * login_limits.FAILURES_PER_NAME + [429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert client.get("/api/v1/me", headers=login("alice")).status_code == 200, "who is in stays in"
    for n in range(login_limits.FAILURES_PER_ADDRESS - login_limits.FAILURES_PER_NAME):
        assert client.get("/api/v1/me", headers=login(f"name{n}")).status_code == 401
    assert client.get("/api/v1/me", headers=login("yet-another")).status_code == 429


def test_nothing_but_health_answers_strangers(web: FastAPI) -> None:
    users.add("alice", PASSWORD)
    stranger = TestClient(web, base_url="http://127.0.0.1:7860", raise_server_exceptions=False)
    paths = web.openapi()["paths"]
    assert "/api/v1/jobs" in paths
    for path, operations in [*paths.items(), ("/api/docs", {"get"}), ("/api/openapi.json", {"get"})]:
        for method in operations:
            assert stranger.request(method, path.replace("{", "").replace("}", "")).status_code == 401, (method, path)
    for path in auth.OPEN_PATHS:
        assert stranger.get(path).status_code == 200
    for path in ("/", "/gradio_api/upload", "/gradio_api/info", "/gradio_api/file=/etc/passwd", "/config", "/login"):
        assert stranger.get(path).status_code == 401


def test_a_stranger_gets_no_websocket(web: FastAPI) -> None:
    users.add("alice", PASSWORD)
    stranger = TestClient(web, base_url="http://127.0.0.1:7860")
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect("/gradio_api/queue/join"):
        pass


def test_loopback_addresses() -> None:
    assert all(auth.is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"))
    assert not any(auth.is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org", ""))
