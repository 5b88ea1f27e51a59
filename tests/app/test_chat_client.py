"""The client of the chat server: against our own, against another one, and against none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import chat_servers
import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

from app import chat_client
from app.chat_client import Delta, Info
from storage import users
from storage.bases import base_models
from storage.models import User
from templates.errors import BadInput, NotFound, StudioError, Unavailable

HELLO = [{"role": "user", "content": "Repeat these words: hunting berries garden river"}]


@pytest.fixture
def server(studio: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from workers.serving.server import make_app

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with chat_servers.running(make_app(), monkeypatch):
        yield


async def streamed(model: str, user: User, **more: Any) -> list[Delta | Info]:
    return [event async for event in chat_client.stream(model, HELLO, user=user, **more)]


def test_a_stream_and_a_whole_answer_are_the_same(studio: User, server: None) -> None:
    whole = chat_client.complete("studio-nano", HELLO, user=studio, seed=3, max_new_tokens=30)
    *deltas, info = asyncio.run(streamed("studio-nano", studio, seed=3, max_new_tokens=30))
    assert whole.text
    assert len(deltas) > 1
    assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == whole.text
    assert isinstance(info, Info)
    for told in (whole.info, info):
        assert (told.model, told.base, told.kind, told.seed, told.self_test) == (
            "studio-nano",
            "studio-nano",
            "base",
            3,
            "passed",
        )
        assert told.finish_reason == "stop"
        assert told.weights_sha256 is None
        assert told.base_revision
        assert told.template_sha256
        assert told.precision == "float32"
        assert told.n_tokens
        assert told.n_prompt_tokens
        assert told.time_to_first_token_s
        assert told.tokens_per_s


def test_four_panes_stream_at_once(studio: User, server: None) -> None:
    async def panes() -> list[list[Delta | Info]]:
        return list(await asyncio.gather(*(streamed("studio-nano", studio, max_new_tokens=20) for _ in range(4))))

    told = asyncio.run(panes())
    texts = {"".join(event.text for event in pane if isinstance(event, Delta)) for pane in told}
    assert len(texts) == 1


def test_models_and_health(studio: User, server: None) -> None:
    assert [model.name for model in chat_client.models(studio)] == list(base_models.bundled())
    chat_client.complete("studio-nano", HELLO, user=studio, max_new_tokens=1)
    assert [model.name for model in chat_client.models(studio) if model.loaded] == ["studio-nano"]
    assert chat_client.health().ready
    assert chat_client.health().device == "cpu"


def test_the_user_goes_along_whatever_the_name(studio: User, server: None) -> None:
    foreign = users.add("eva", "long enough a password")
    assert [model.name for model in chat_client.models(foreign)] == list(base_models.bundled())
    with pytest.raises(StudioError, match="There is no user “ünknown name”"):
        chat_client.models(User(name="ünknown name", created_at=1.0))


def test_refusals_come_through_in_the_servers_words(studio: User, server: None) -> None:
    with pytest.raises(NotFound, match=r"There is no model “nope”\. Known: studio-small, studio-nano\.") as unknown:
        chat_client.complete("nope", HELLO, user=studio)
    assert unknown.value.code == "model_not_found"
    assert unknown.value.problems[0].remedy == "Known: studio-small, studio-nano."
    with pytest.raises(BadInput, match="field “messages”: the conversation of") as too_long:
        asyncio.run(streamed("studio-nano", studio, max_new_tokens=5000))
    assert too_long.value.code == "context_length_exceeded"
    assert too_long.value.problems[0].field == "messages"


def test_closing_the_stream_early_is_clean(studio: User, server: None) -> None:
    async def first_only() -> str:
        stream = chat_client.stream("studio-nano", HELLO, user=studio, max_new_tokens=200)
        async for event in stream:
            await stream.aclose()  # type: ignore[attr-defined]
            assert isinstance(event, Delta)
            return event.text
        return ""

    assert asyncio.run(first_only())


def test_no_server_is_told_with_what_to_do(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CHAT_PORT", str(chat_servers.free_port()))
    for attempt in (
        lambda: chat_client.health(),
        lambda: chat_client.models(studio),
        lambda: chat_client.complete("studio-nano", HELLO, user=studio),
        lambda: asyncio.run(streamed("studio-nano", studio)),
    ):
        with pytest.raises(Unavailable, match=r"The chat server does not answer at http.*studio serve") as silent:
            attempt()
        assert silent.value.code == "chat_unavailable"


def another_server(chunks: list[dict[str, Any]], status: int = 200) -> FastAPI:
    """A server of OpenAI's protocol that is not ours."""
    app = FastAPI()
    lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    app.post("/v1/chat/completions")(lambda: StreamingResponse(iter([lines]), status_code=status))
    app.get("/v1/models")(lambda: {"data": [{"id": "theirs", "object": "model"}]})
    app.get("/healthz")(lambda: Response("<html>", media_type="text/html"))
    return app


def chunk(text: str, reason: str | None = None) -> dict[str, Any]:
    return {"model": "theirs", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


def test_another_server_of_the_protocol_will_do(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_servers.running(another_server([chunk("a"), chunk("b"), chunk("", "stop")]), monkeypatch):
        assert asyncio.run(streamed("theirs", studio)) == [Delta("a"), Delta("b"), Info("theirs", "stop")]
        assert chat_client.models(studio)[0].loaded is None
        with pytest.raises(Unavailable, match="not JSON"):
            chat_client.health()


def test_a_server_that_ignores_the_strength_is_not_believed(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = list[Delta | Info]()

    async def heard() -> None:
        async for event in chat_client.stream("theirs@0.5", HELLO, user=studio):
            shown.append(event)

    with chat_servers.running(another_server([chunk("a"), chunk("", "stop")]), monkeypatch):
        with pytest.raises(Unavailable, match="can't weaken adapters"):
            asyncio.run(heard())
        assert shown == [], "no word of the answer is shown"
        assert asyncio.run(streamed("theirs@1", studio)) == [Delta("a"), Info("theirs", "stop")]


def test_an_answer_that_breaks_off_is_an_error(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        chat_servers.running(another_server([chunk("a")]), monkeypatch),
        pytest.raises(Unavailable, match="broke off"),
    ):
        asyncio.run(streamed("theirs", studio))
    failing = another_server([chunk("a"), {"error": {"message": "Out of memory."}}])
    with chat_servers.running(failing, monkeypatch), pytest.raises(StudioError, match="Out of memory"):
        asyncio.run(streamed("theirs", studio))
    with (
        chat_servers.running(another_server([chunk("a")], status=502), monkeypatch),
        pytest.raises(StudioError, match="HTTP status 502"),
    ):
        asyncio.run(streamed("theirs", studio))


def test_it_needs_no_torch() -> None:
    import subprocess
    import sys

    check = "import sys, app.chat_client; assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)


def test_proxies_of_the_environment_are_left_alone(studio: User, server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert httpx.URL(chat_client.settings().chat).host == "127.0.0.1"
    assert chat_client.models(studio)
