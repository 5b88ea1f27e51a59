"""The chat server: `python -m workers.serving.server`.

It answers on its port at once and imports torch in the background, so that a page can tell "starting"
from "down". A client with the studio's chat secret acts for the user named in `X-Studio-User`.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from storage import users
from storage.models import User
from storage.settings import secret, settings
from templates.errors import BadInput, StudioError, Unavailable
from workers import waiting
from workers.serving import catalogue, requests, scoring, streams
from workers.serving.events import Ended, ScoredToken

if TYPE_CHECKING:
    from workers.serving.chats import Chat
    from workers.serving.residents import Residents

MAX_BODY_BYTES = 4 * 1024 * 1024
READY_WAIT_S = 120.0
"""How long a request waits for the server to start."""
HOUSEKEEPING_S = 60.0
CLIENT_CLOSED = 499
"""Nobody reads this status: the client is gone."""

log = logging.getLogger(__name__)


class Unauthorized(StudioError):
    """The request lacks the studio's chat secret."""

    http_status = 401
    code = "unauthorized"


class TooLarge(BadInput):
    """The request's body is too large."""

    http_status = 413
    code = "request_too_large"


class Machinery:
    """State that takes seconds to start: torch and the models in memory."""

    def __init__(self) -> None:
        self.reward_models = scoring.RewardModels()
        self._residents: asyncio.Future[Residents] = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(self._start()), asyncio.create_task(self._keep_house())]

    async def residents(self) -> Residents:
        """The models in memory, once the server has started."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._residents), READY_WAIT_S)
        except TimeoutError:
            raise Unavailable("The chat server is still starting.", remedy="Try again in a minute.") from None

    @property
    def started(self) -> Residents | None:
        """The models in memory; None while the server starts."""
        up = self._residents.done() and not self._residents.exception()
        return self._residents.result() if up else None

    async def close(self) -> None:
        """Free everything."""
        for task in self._tasks:
            task.cancel()
        if self.started:
            await self.started.close()

    async def _start(self) -> None:
        began = time.monotonic()
        try:
            self._residents.set_result(await asyncio.to_thread(_import_residents))
        except Exception as error:
            log.exception("the chat server could not start")
            self._residents.set_exception(Unavailable(f"The chat server could not start: {error}"))
        else:
            log.info("ready after %.1f s", time.monotonic() - began)

    async def _keep_house(self) -> None:
        residents = await self._residents
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            await residents.unload_idle()
            await self.reward_models.unload_idle()


def _import_residents() -> Residents:
    from transformers.utils import logging as transformers_logging

    from workers.serving import chats as _chats  # noqa: F401  imported here so that the first chat need not
    from workers.serving.residents import Residents

    transformers_logging.disable_progress_bar()
    return Residents()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    machinery = app.state.machinery = Machinery()
    yield
    await machinery.close()


def caller(request: Request) -> User:
    """The acting user. Raises `Unauthorized` without the studio's secret."""
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {secret('chat')}".encode()):
        raise Unauthorized(
            "The request lacks the studio's chat secret.",
            remedy="Send it as “Authorization: Bearer …”; it is in chat.secret in the data folder.",
        )
    name = unquote(request.headers.get("x-studio-user", ""))
    user = users.find(name) if name else users.local()
    if user is None:
        raise Unauthorized(f"There is no user “{name}”.")
    return user


def make_app() -> FastAPI:
    """The ASGI application."""
    app = FastAPI(title="Adaptation Studio chat", lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.add_exception_handler(StudioError, _tell)
    app.add_exception_handler(Exception, _tell_unexpected)
    app.get("/healthz")(healthz)
    app.get("/v1/models")(list_models)
    app.post("/v1/chat/completions")(complete)
    app.include_router(scoring.router(caller, _body))
    return app


async def _tell(_request: Request, error: Exception) -> Response:
    if not isinstance(error, StudioError):
        raise error
    status, body = streams.failure(error)
    return JSONResponse(body, status)


async def _tell_unexpected(_request: Request, error: Exception) -> Response:
    status, body = streams.failure(_unexpected(error))
    return JSONResponse(body, status)


def _unexpected(error: Exception) -> StudioError:
    log.error("a request failed", exc_info=error)
    return StudioError("The chat server failed on this request.", code="internal", remedy="Its log says why.")


async def healthz(request: Request) -> dict[str, Any]:
    """Whether the server is running, and whether it can answer a chat at once."""
    residents = request.app.state.machinery.started
    return {
        "status": "ok",
        "ready": residents is not None,
        "device": str(residents.device) if residents else None,
        "loaded": len(residents) if residents else 0,
    }


def list_models(request: Request, user: User = Depends(caller)) -> dict[str, Any]:  # noqa: B008  FastAPI's way
    """Every model that the user may chat with."""
    residents = request.app.state.machinery.started
    return {"object": "list", "data": [_described(entry, residents) for entry in catalogue.of_user(user)]}


def _described(entry: catalogue.Entry, residents: Residents | None) -> dict[str, Any]:
    resident = residents.holding(entry) if residents else None
    return {
        "id": entry.name,
        "object": "model",
        "created": int(entry.created_at),
        "owned_by": "studio" if entry.row.owner_id is None and entry.artifact is None else "you",
        "studio": {"loaded": resident is not None, **streams.identity(entry, resident)},
    }


async def complete(request: Request, user: User = Depends(caller)) -> Response:  # noqa: B008
    """Answer a conversation, complete or streamed."""
    asked = requests.parse(await _body(request))
    entry = await asyncio.to_thread(catalogue.find, user, asked.model)
    residents = await request.app.state.machinery.residents()
    from workers.serving import chats, label_choices

    choice = await asyncio.to_thread(label_choices.wanted, user, entry, asked)
    async with AsyncExitStack() as stack:
        started = (
            chats.choosing(residents, entry, asked, choice) if choice else chats.answering(residents, entry, asked)
        )
        chat = await stack.enter_async_context(started)
        if not asked.stream:
            return await _whole(request, chat, with_scores=bool(asked.logprobs))
        with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
        return _Streamed(_events(chat, with_usage=with_usage), stack.pop_all())


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"The conversation is larger than {MAX_BODY_BYTES // 1024**2} MiB.", remedy="Shorten it.")
    return bytes(body)


async def _whole(request: Request, chat: Chat, *, with_scores: bool) -> Response:
    """The answer as one document; generation stops if the client disconnects."""
    answer = asyncio.create_task(_collected(chat, with_scores=with_scores))
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        return JSONResponse(await answer) if answer.done() else Response(status_code=CLIENT_CLOSED)
    finally:
        answer.cancel()
        gone.cancel()


async def _collected(chat: Chat, *, with_scores: bool) -> dict[str, Any]:
    parts: dict[bool, str] = {True: "", False: ""}
    tokens = list[ScoredToken]()
    async for event in chat.pieces():
        if isinstance(event, Ended):
            return chat.completion.whole(parts[False], event, parts[True], tokens if with_scores else None)
        parts[event.is_reasoning] += event.text
        tokens += event.tokens
    raise TypeError("an answer's events end with how it ended")


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Streamed(StreamingResponse):
    """Server-sent events; the answer stops when sending stops, for whatever reason."""

    def __init__(self, content: AsyncIterator[bytes], answering: AsyncExitStack):
        super().__init__(content, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._answering:
            await super().__call__(scope, receive, send)


async def _events(chat: Chat, *, with_usage: bool) -> AsyncIterator[bytes]:
    """The answer as server-sent events. The status is already sent, so an error is an event too."""
    yield chat.completion.opening()
    try:
        async for event in chat.pieces():
            if isinstance(event, Ended):
                yield chat.completion.closing(event, with_usage=with_usage)
            else:
                yield chat.completion.piece(event)
    except StudioError as error:
        yield streams.event(streams.failure(error)[1])
    except Exception as error:
        yield streams.event(streams.failure(_unexpected(error))[1])


def main() -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.environ.update(waiting.ENVIRONMENT)
    read = settings()
    secret("chat")
    uvicorn.run(
        make_app(),
        host=read.chat_host,
        port=read.chat_port,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
