"""Page loads leave next to nothing behind in the web process."""

from __future__ import annotations

import gc
import tracemalloc

import httpx
import pytest
from fastapi.testclient import TestClient

from app import gradio_sessions, main
from storage.models import User
from tests.app import crowd
from tests.app.browser_stand_in import Page
from tests.app.own_web import own_web

LITTLE_BYTES = 60_000
PATHS = ("/", "/data", "/train", "/jobs", "/gallery", "/compare")


@pytest.mark.long
def test_a_load_leaves_little_behind(whole_client: TestClient, studio: User) -> None:
    crowd.fill(studio, jobs=3, datasets=2, artifacts=2)
    for path in ("/jobs",) * 2:
        Page.open(whole_client, path)
    tracemalloc.start()
    grown = []
    for _ in range(4):
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for path in ("/jobs",) * 3:
            Page.open(whole_client, path)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        grown.append((after - before) / 3)
        if grown[-1] < LITTLE_BYTES:
            break
    tracemalloc.stop()
    # A cache that is filled once, here or in another thread, shows in one round; a leak shows in every one.
    assert min(grown) < LITTLE_BYTES, f"a tenth of what a session of Gradio's own takes; by round: {grown}"


def test_a_session_keeps_what_its_page_changed(whole_client: TestClient, studio: User) -> None:
    crowd.fill(studio, jobs=1, datasets=1)
    page, other = Page.open(whole_client, "/train"), Page.open(whole_client, "/train")
    sessions = _holder(whole_client).session_data
    mine, theirs = sessions[page.session], sessions[other.session]
    assert isinstance(mine, gradio_sessions.Session)
    (form,) = [key for key, value in mine.state_data.items() if isinstance(value, dict) and value.get("data")]
    mine[form] = {"data": "mine"}
    assert mine[form] == {"data": "mine"}
    assert theirs[form]["data"] == "tickets-0000"
    assert len(mine.blocks_config.blocks) == len(theirs.blocks_config.blocks)


def test_the_oldest_sessions_are_dropped(whole_client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _holder(whole_client).capacity == gradio_sessions.KEPT
    monkeypatch.setattr(_holder(whole_client), "capacity", 2)
    opened = [Page.open(whole_client, "/") for _ in range(3)]
    assert list(_holder(whole_client).session_data) == [page.session for page in opened[1:]]


def test_open_streams_and_waiting_events_leave_places_for_others(whole_client: TestClient, studio: User) -> None:
    Page.open(whole_client, "/")
    (mounted,) = [route.app for route in whole_client.app.routes if hasattr(getattr(route, "app", None), "get_blocks")]  # type: ignore[attr-defined]
    assert len(mounted.get_blocks()._queue.active_jobs) == main.PLACES


def _holder(client: TestClient) -> object:
    (mounted,) = [route.app for route in client.app.routes if hasattr(getattr(route, "app", None), "state_holder")]  # type: ignore[attr-defined]
    return mounted.state_holder


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_three_hundred_loads_leave_the_memory_as_it_was(studio: User) -> None:
    crowd.fill(studio, jobs=200, datasets=50, artifacts=50, running=1)
    with own_web() as (address, process), httpx.Client(base_url=address, timeout=60) as client:
        for place in range(60):
            Page.open(client, PATHS[place % len(PATHS)])
        before = process.memory_info().rss
        for place in range(300):
            Page.open(client, PATHS[place % len(PATHS)])
        grown = process.memory_info().rss - before
    assert grown <= 10_000_000, f"{grown / 1e6:.1f} MB"
