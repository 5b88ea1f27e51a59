"""Lists of a busy studio: pages by REST and on the command line, and how long and how large they are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from app.cli import main
from storage import db
from storage.jobs import events, jobs
from storage.models import JobMetric, User
from tests.app import crowd
from tests.app.browser_stand_in import Page
from tests.app.own_web import own_web

LISTS = ("jobs", "data", "artifacts", "models", "jobs/job0000000000001/events", "jobs/job0000000000001/metrics")
TICK_BYTES = 20_000


def pages(client: TestClient, path: str) -> Iterator[list[dict[str, Any]]]:
    """The list's pages, each by the link of the one before."""
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        yield answer.json()
        path = answer.links.get("next", {}).get("url", "")


@pytest.mark.parametrize("name", ["jobs", "data", "artifacts"])
def test_the_links_lead_through_the_whole_list(client: TestClient, studio: User, name: str) -> None:
    crowd.fill(studio, jobs=7, datasets=7, artifacts=7)
    found = list(pages(client, f"/api/v1/{name}?limit=3"))
    assert [len(page) for page in found] == [3, 3, 1]
    (everything,) = pages(client, f"/api/v1/{name}")
    assert [one for page in found for one in page] == everything
    assert everything[0] == client.get(f"/api/v1/{name}/{everything[0]['id']}").json()


def test_a_plain_request_gets_a_hundred(client: TestClient, studio: User) -> None:
    crowd.fill(studio, jobs=101)
    assert [len(page) for page in pages(client, "/api/v1/jobs")] == [100, 1]
    assert client.get("/api/v1/jobs?limit=0").status_code == 422
    assert client.get("/api/v1/jobs?limit=1001").status_code == 422
    lost = client.get("/api/v1/jobs?after=nothing")
    assert (lost.status_code, lost.json()["error"]["problems"][0]["field"]) == (422, "after")
    assert [len(page) for page in pages(client, "/api/v1/models?limit=1")] == [1, 1]


def test_a_filter_stays_in_the_link(client: TestClient, studio: User) -> None:
    crowd.fill(studio, jobs=20, datasets=2)
    found = [job for page in pages(client, "/api/v1/jobs?state=FAILED&limit=3") for job in page]
    assert [job["state"] for job in found] == ["FAILED"] * 4
    assert len(client.get("/api/v1/jobs", params={"data": "tickets-0001"}).json()) == 10
    assert [job["name"] for job in client.get("/api/v1/jobs?name=0007").json()] == ["tickets-lora-0007"]
    assert [data["name"] for data in client.get("/api/v1/data?name=0001").json()] == ["tickets-0001"]


def test_a_jobs_history_has_pages(client: TestClient, studio: User) -> None:
    job = jobs.submit(studio, name="tone", kind="train", spec={})
    with db.writing() as session:
        for step in range(4):
            point = JobMetric(job_id=job.id, split="train", step=step, attempt=1, values={"loss": 1.0}, at=0.0)
            events.put_metric(session, point)
    found = list(pages(client, f"/api/v1/jobs/{job.id}/metrics?limit=3"))
    assert [[point["step"] for point in page] for page in found] == [[0, 1, 2], [3]]
    assert [event["kind"] for event in client.get(f"/api/v1/jobs/{job.id}/events").json()] == ["submitted"]


def test_commands_say_that_there_are_more(studio: User, capsys: pytest.CaptureFixture[str]) -> None:
    crowd.fill(studio, jobs=3, datasets=3, artifacts=3)
    for command in ("jobs", "data", "artifacts"):
        assert main([command, "list", "--limit", "2", "--json"]) == 0
        said = capsys.readouterr()
        last = json.loads(said.out)[-1]["id"]
        assert f"There are more. To see them, repeat the command with --after {last}" in said.err
        assert main([command, "list", "--after", last, "--json"]) == 0
        said = capsys.readouterr()
        assert (len(json.loads(said.out)), said.err) == (1, "")
    assert main(["jobs", "list", "--state", "failed", "--json"]) == 0
    assert {job["state"] for job in json.loads(capsys.readouterr().out)} == {"FAILED"}


def test_a_tick_sends_nothing_twice(whole_client: TestClient, studio: User) -> None:
    crowd.fill(studio, jobs=60, datasets=5, waiting=3, running=1)
    page = Page.open(whole_client, "/jobs")
    assert page.tick() < 2_000
    crowd.advance(studio, 45)
    assert 2_000 < page.tick() < TICK_BYTES
    assert page.tick() < 2_000
    shown = Page.open(whole_client, "/jobs?job=job0000000000056")
    shown.tick()
    assert shown.tick() < 2_000
    crowd.advance(studio, 46)
    assert shown.tick() > 2_000


@pytest.mark.long
def test_a_busy_studio_answers_at_once(studio: User) -> None:
    """5,000 jobs, 2,000 datasets, 500 artifacts, 20 open Jobs pages, and one running job."""
    crowd.fill(studio, jobs=5000, datasets=2000, artifacts=500, running=1, waiting=5)
    with own_web() as (address, _), ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=address, timeout=30))
        opened = [Page.open(client, "/jobs") for _ in range(20)]
        took: dict[str, float] = {}
        for round_ in range(3):
            crowd.advance(studio, 31 + round_)
            assert max(page.tick() for page in opened) < TICK_BYTES
            for page, name in zip(opened, LISTS, strict=False):
                assert page.tick() < 2_000
                began = time.perf_counter()
                client.get(f"/api/v1/{name}").raise_for_status()
                took[name] = min(took.get(name, 9.0), time.perf_counter() - began)
        assert max(took.values()) <= 0.3, took
