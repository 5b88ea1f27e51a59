"""Chat: the chat server's OpenAI-compatible interface, behind the studio's own login."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from app import auth
from app.api.catalogue import Acting
from storage.models import User
from storage.settings import secret, settings
from templates.errors import BadInput, Unavailable

router = APIRouter(prefix="/api/v1/chat", tags=["chat"])
ANSWER_WITHIN_S = 300.0
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


def _client(user: User) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=settings().chat,
        headers={"Authorization": f"Bearer {secret('chat')}", "X-Studio-User": quote(user.name)},
        timeout=httpx.Timeout(ANSWER_WITHIN_S, connect=5.0),
        trust_env=False,
    )


def _silent(error: httpx.HTTPError) -> Unavailable:
    return Unavailable(
        f"The chat server does not answer ({type(error).__name__}).",
        code="chat_unavailable",
        remedy="`studio up` runs one; `studio serve` runs it alone.",
    )


@router.get("/models")
async def models(user: Acting) -> Response:
    """The models that you can chat with, their hashes and self-tests."""
    try:
        async with _client(user) as client:
            answer = await client.get("/v1/models")
    except httpx.HTTPError as error:
        raise _silent(error) from error
    return JSONResponse(answer.json(), status_code=answer.status_code)


@router.post("/completions", openapi_extra=_BODY)
async def completions(request: Request) -> Response:
    """An OpenAI-style chat completion; with `stream: true` as server-sent events.

    `strength`, above 0 and at most 1, is the studio's own field: the share of a LoRA adapter's effect.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadInput("Send a JSON document.")
    body = await request.body()
    client = _client(auth.acting(request))
    try:
        wanted = client.build_request(
            "POST", "/v1/chat/completions", content=body, headers={"Content-Type": "application/json"}
        )
        answer = await client.send(wanted, stream=True)
    except httpx.HTTPError as error:
        await client.aclose()
        raise _silent(error) from error
    kind = answer.headers.get("content-type", "application/json")
    return StreamingResponse(_passed_on(client, answer), status_code=answer.status_code, media_type=kind)


async def _passed_on(client: httpx.AsyncClient, answer: httpx.Response) -> AsyncIterator[Any]:
    try:
        async for chunk in answer.aiter_bytes():
            yield chunk
    finally:  # also when the browser disconnects: the chat server then stops generating
        await answer.aclose()
        await client.aclose()
