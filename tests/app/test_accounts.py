"""Accounts in use: administrators, removed people, changed passwords, shared models, and who sees what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from app import auth
from storage import belongings, users
from storage.bases import base_models
from storage.jobs import jobs, leases, worker_rows
from storage.models import User
from tests.storage.jobs import held_jobs

PASSWORD, OTHER = "correct horse battery", "another long password"
ADMIN, BOB = ("alice", PASSWORD), ("bob", PASSWORD)


@pytest.fixture
def people(studio: User, monkeypatch: pytest.MonkeyPatch) -> tuple[User, User]:
    """Alice, whose account is the first, and Bob; what the guard knows about them is never stale."""
    monkeypatch.setattr(auth, "FRESH_S", 0.0)
    return users.add("alice", PASSWORD), users.add("bob", PASSWORD)


def test_a_changed_password_counts_at_once(client: TestClient, people: object) -> None:
    assert client.get("/api/v1/me", auth=BOB).status_code == 200
    users.set_password("bob", OTHER)
    assert client.get("/api/v1/me", auth=BOB).status_code == 401
    assert client.get("/api/v1/me", auth=("bob", OTHER)).status_code == 200


def test_a_removed_account_is_out_at_once_and_another_of_its_name_is_another(
    client: TestClient, people: tuple[User, User]
) -> None:
    assert client.get("/api/v1/me", auth=BOB).status_code == 200
    job = jobs.submit(people[1], name="secret", kind="train", spec={})
    belongings.remove_owner(people[1], delete=True)
    assert client.get("/api/v1/me", auth=BOB).status_code == 401
    assert users.find("bob") is None
    users.add("bob", PASSWORD)
    assert client.get("/api/v1/jobs", auth=BOB).json() == []
    assert client.get(f"/api/v1/jobs/{job.id}", auth=BOB).status_code == 404


def test_logins_stay_fresh_for_a_second_only() -> None:
    assert auth.FRESH_S <= 2


@pytest.mark.parametrize("end", [lambda bob: users.set_password("bob", OTHER), lambda bob: _remove(bob)])
def test_an_open_stream_ends_with_its_login(people: tuple[User, User], end: Callable[[User], object]) -> None:
    sent: list[bytes] = []

    async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(100):
            if number == 3:
                end(people[1])
            await send({"type": "http.response.body", "body": b"tick", "more_body": True})

    async def keep(message: Message) -> None:
        sent.append(message.get("body", b""))

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http", "method": "GET", "path": "/", "scheme": "http", "query_string": b"", "client": ("1.2.3.4", 1),
        "headers": [(b"authorization", b"Basic Ym9iOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==")],
    }  # fmt: skip
    asyncio.run(auth.Guard(endless)(scope, nothing, keep))
    assert sent.count(b"tick") == 3


def _remove(user: User) -> None:
    belongings.remove_owner(user)


def test_who_is_made_an_administrator_is_one_at_once(client: TestClient, people: object) -> None:
    body = {"name": "m", "source": "no/such-model", "shared": True}
    refused = client.post("/api/v1/models", json=body, auth=BOB)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    users.set_admin("bob", True)
    assert client.post("/api/v1/models", json=body, auth=BOB).status_code != 403
    users.set_admin("bob", False)
    assert client.post("/api/v1/models", json=body, auth=BOB).status_code == 403


def test_a_shared_model_is_everybodys_and_administrators_delete_it(
    client: TestClient, people: tuple[User, User], nano_folder: object
) -> None:
    base_models.add(users.local(), "house", str(nano_folder), shared=True)
    for auth_ in (ADMIN, BOB):
        shown = client.get("/api/v1/models/house", auth=auth_).json()
        assert (shown["name"], shown["shared"]) == ("house", True)
        assert "house" in [model["name"] for model in client.get("/api/v1/models", auth=auth_).json()]
    assert not client.get("/api/v1/models/studio-nano", auth=BOB).json()["shared"]
    refused = client.delete("/api/v1/models/house", auth=BOB)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert client.delete("/api/v1/models/studio-nano", auth=ADMIN).status_code == 409
    deleted = client.delete("/api/v1/models/house", auth=ADMIN).json()
    assert (deleted["deleted"], deleted["results"]) == ("house", 0)
    assert deleted["dependents"]["sentences"] == ["Nothing else depends on it."]
    assert client.get("/api/v1/models/house", auth=BOB).status_code == 404
    assert client.delete("/api/v1/models/house", auth=ADMIN).status_code == 404


def test_only_administrators_see_hosts_and_processes(client: TestClient, people: tuple[User, User]) -> None:
    worker = worker_rows.register(device="cpu", slots=1)
    of: dict[str, str] = {}
    for user in people:
        of[user.name] = held_jobs.submit(user).id
        assert leases.claim(worker)

    def told(login: tuple[str, str]) -> str:
        paths = ["workers", "jobs", *(f"jobs/{of[login[0]]}{end}" for end in ("", "/events", "/logs", "/metrics"))]
        return "".join(client.get(f"/api/v1/{path}", auth=login).text for path in paths)

    seen: dict[str, Any] = {"alice": told(ADMIN), "bob": told(BOB)}
    for secret in (worker.id, worker.host, f":{worker.pid}"):
        assert secret in seen["alice"]
        assert secret not in seen["bob"]
    assert '"claimed"' in seen["bob"]
    assert client.get("/api/v1/workers", auth=BOB).json()[0]["device"] == "cpu"
    for path in ("/healthz", "/readyz"):
        assert worker.host not in client.get(path).text


def test_plans_name_no_host(client: TestClient, people: tuple[User, User]) -> None:
    import socket

    from tests.storage.data.intake.bad_files import GOOD_CSV

    worker_rows.register(device="cpu", slots=1, flop_per_s=1e10)
    upload = client.post("/api/v1/uploads", files={"file": ("mail.csv", GOOD_CSV.encode())}, auth=BOB).json()["id"]
    assert client.post("/api/v1/data", json={"upload_id": upload, "name": "mail"}, auth=BOB).status_code == 201
    wish = {"base": "studio-nano", "dataset": "mail", "objective": "sft", "method": "lora", "preset": "quick"}
    plan = client.post("/api/v1/plans", json=wish, auth=BOB)
    assert plan.status_code == 200
    assert plan.json()["estimate"]["machine"] == "a worker's CPU"
    assert socket.gethostname() not in plan.text


def test_estimates_of_older_versions_name_no_host(client: TestClient, people: tuple[User, User]) -> None:
    older = {"machine": "box.lan (CPU)", "based_on": "the measured speed of box.lan (CPU)", "fits": True}
    job = jobs.submit(people[1], name="old", kind="train", spec={}, estimate=older)
    shown = client.get(f"/api/v1/jobs/{job.id}", auth=BOB).json()["estimate"]
    assert shown == {"machine": "CPU", "based_on": "the measured speed of CPU", "fits": True}


def test_without_accounts_the_local_user_sees_the_workers(client: TestClient) -> None:
    worker = worker_rows.register(device="cpu", slots=1)
    assert client.get("/api/v1/workers").json()[0]["host"] == worker.host


def test_a_name_tells_nothing_about_other_peoples_models(people: tuple[User, User], nano_folder: object) -> None:
    alice, bob = people
    base_models.add(alice, "merger", str(nano_folder))
    assert base_models.add(bob, "merger", str(nano_folder)).name == "merger"
    assert [base_models.get(user, "merger").owner_id for user in people] == [alice.id, bob.id]
