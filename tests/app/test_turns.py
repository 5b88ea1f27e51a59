"""Long work waits for its turn without a thread, and nobody takes all the turns."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from app import turns
from app.main import create_app
from app.pages.alerts import in_turn
from app.turns import Lane
from storage import progress, users
from storage.data import datasets, uploads
from storage.models import User
from templates.errors import BadInput, Busy

WITHIN_S = 20.0
N_PREVIEWS = 80


def run(work: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work, WITHIN_S))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class People:
    """Pieces of work that hold their turns until they are let go."""

    def __init__(self, lane: Lane) -> None:
        self.lane, self.began, self.ends = lane, [], {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def ask(self, name: str, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Ask for a turn for `ann-1`, Ann's first piece of work."""

        async def work() -> None:
            async with self.lane.turn(name.partition("-")[0], is_wanted):
                self.began.append(name)
                await self.ends[name].wait()

        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.ensure_future(work())

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.tasks[name]
        await settle()


def test_each_person_has_one_turn_at_a_time_and_the_first_comes_first() -> None:
    async def tried() -> None:
        people = People(Lane("reading", at_once=2))
        for name in ("ann-1", "ann-2", "ben-1", "cid-1", "ann-3"):
            people.ask(name)
        await settle()
        assert people.began == ["ann-1", "ben-1"]
        await people.end("ann-1")
        assert people.began[2:] == ["ann-2"]
        await people.end("ben-1")
        assert people.began[3:] == ["cid-1"]
        await people.end("cid-1")
        assert people.began[4:] == []
        await people.end("ann-2")
        assert people.began[4:] == ["ann-3"]
        await people.end("ann-3")

    run(tried())


def test_a_lane_may_let_each_person_run_several() -> None:
    async def tried() -> None:
        people = People(Lane("storing files", at_once=3, each=2))
        for name in ("ann-1", "ann-2", "ann-3", "ben-1"):
            people.ask(name)
        await settle()
        assert people.began == ["ann-1", "ann-2", "ben-1"]
        for name in ("ann-1", "ann-2", "ben-1", "ann-3"):
            await people.end(name)
        assert people.began[3:] == ["ann-3"]

    run(tried())


def test_too_much_in_line_is_refused_for_that_person_alone() -> None:
    async def tried() -> None:
        people = People(Lane("reading a file", at_once=2))
        for number in range(turns.FEW):
            people.ask(f"ann-{number}")
        await settle()
        people.ask("ann-more")
        with pytest.raises(Busy, match="already reading a file for you, and 5 more of your requests wait"):
            await people.tasks["ann-more"]
        people.ask("ben-1")
        await settle()
        assert people.began == ["ann-0", "ben-1"]
        for task in people.tasks.values():
            task.cancel()
        await asyncio.gather(*people.tasks.values(), return_exceptions=True)
        people.ask("ann-again")  # what was cancelled left nothing behind
        await settle()
        assert people.began[2:] == ["ann-again"]
        await people.end("ann-again")

    run(tried())


def test_who_goes_away_leaves_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LOOK_S", 0.01)

    async def tried() -> None:
        people, is_there = People(Lane("reading", at_once=1)), True
        people.ask("ann-1")
        people.ask("ben-1", lambda: is_there)
        await settle()
        is_there = False
        with pytest.raises(progress.GivenUp):
            await people.tasks["ben-1"]
        await people.end("ann-1")
        assert people.began == ["ann-1"]

    run(tried())


def test_work_that_is_no_longer_wanted_ends_at_its_next_report() -> None:
    is_wanted = True
    with progress.while_wanted(lambda: is_wanted):
        progress.at(0.5)
        is_wanted = False
        with pytest.raises(progress.GivenUp):
            progress.at(0.6)
    progress.at(0.7)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Every file takes until this event is set."""
    release, preview = threading.Event(), datasets.preview

    def waiting(*given: Any, **named: Any) -> Any:
        assert release.wait(WITHIN_S)
        return preview(*given, **named)

    monkeypatch.setattr(datasets, "preview", waiting)
    yield release
    release.set()


@pytest.fixture
def accounts(studio: User) -> list[User]:
    """Two people."""
    return [users.add(name, "long enough") for name in ("ann", "ben")]


@asynccontextmanager
async def signed_in(web: FastAPI, name: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:7860", auth=(name, "long enough"), timeout=WITHIN_S
    ) as client:
        yield client


def test_slow_previews_of_one_person_stop_nobody_else(
    accounts: list[User], no_pages: None, slow: threading.Event
) -> None:
    web = create_app()
    sent = [uploads.save(user, "t.csv", io.BytesIO(b"text,label\na,b\nc,d\n")) for user in accounts]

    async def tried() -> None:
        async with signed_in(web, "ann") as ann, signed_in(web, "ben") as ben:

            def preview(client: httpx.AsyncClient, upload: Any) -> asyncio.Future[httpx.Response]:
                return asyncio.ensure_future(client.post("/api/v1/data/preview", json={"upload_id": upload.id}))

            assert (await ann.get("/api/v1/me")).json() == {"name": "ann"}
            asked = [preview(ann, sent[0]) for _ in range(N_PREVIEWS)]
            waiting = set(asked)
            while len(waiting) > turns.FEW:
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert (await ben.get("/healthz")).json() == {"status": "ok"}
            assert (await ben.get("/readyz")).status_code == 200
            assert (await ben.get("/api/v1/data")).json() == []
            assert (await ann.get("/api/v1/data")).json() == []
            bens = preview(ben, sent[1])
            slow.set()
            assert (await bens).status_code == 200
            answers = await asyncio.gather(*asked)
        assert sorted(answer.status_code for answer in answers) == [200] * turns.FEW + [429] * (80 - turns.FEW)
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["Retry-After"] == "5"
        assert "Wait until one is done" in refused.json()["error"]["message"]

    run(tried())


def test_a_page_waits_for_its_turn_and_shows_what_went_wrong(studio: User) -> None:
    def request(user: User | None) -> gr.Request:
        scope: dict[str, Any] = {"type": "http", "headers": [], "query_string": b""}
        return gr.Request(request=Request({**scope, "studio_user": user} if user else scope))

    def handler(_request: gr.Request, subject: str) -> tuple[str, str]:
        if subject.endswith("broken"):
            raise BadInput("is broken.")
        return "", threading.current_thread().name

    async def tried() -> None:
        door = in_turn(2)(handler)
        for subject in ("", "upload:1", "data:1"):
            alert, thread = await door(request(studio), subject)
            assert (alert, thread != threading.main_thread().name) == ("", True)
        alert, _ = await door(request(studio), "upload:broken")
        assert "is broken" in alert
        alert, _ = await door(request(None), "upload:1")
        assert "Nobody is logged in" in alert
        people = People(turns.FILES)
        people.ask(f"{studio.id}-1")
        await settle()
        waiting = asyncio.ensure_future(door(request(studio), "upload:1"))
        light = await door(request(studio), "")
        assert light[0] == ""
        assert not waiting.done()
        await people.end(f"{studio.id}-1")
        assert (await waiting)[0] == ""

    run(tried())
