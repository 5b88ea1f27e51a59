"""The connection to the chat server, and its errors as the studio's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any
from urllib.parse import quote

import httpx

from storage.models import User
from storage.settings import secret, settings
from templates.errors import BadInput, Conflict, NotFound, Problem, StudioError, Unavailable

CONNECT_S = 3.0


def connection(user: User | None, silence_s: float) -> dict[str, Any]:
    """Arguments of an `httpx` client that acts for the user and waits `silence_s` seconds for an answer."""
    headers = {"Authorization": f"Bearer {secret('chat')}"} if user else {}
    if user:
        headers["X-Studio-User"] = quote(user.name)
    return {
        "base_url": settings().chat,
        "headers": headers,
        "timeout": httpx.Timeout(silence_s, connect=CONNECT_S),
        "trust_env": False,  # a proxy for outside traffic must not sit between the studio's parts
    }


@contextmanager
def reaching() -> Iterator[None]:
    """Turn connection failures into `Unavailable`."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise silent("took too long to answer") from error
    except httpx.TransportError as error:
        raise silent("does not answer") from error


def silent(what: str) -> Unavailable:
    """The error for a server that `what`: “does not answer”."""
    return Unavailable(
        f"The chat server {what} at {settings().chat}.",
        code="chat_unavailable",
        remedy="`studio up` starts it with the rest, `studio serve` alone; it may still be starting.",
    )


def document(content: bytes) -> dict[str, Any]:
    """A JSON object from the server. Raises the server's errors."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise silent("sent an answer that is not JSON") from error
    if not isinstance(document, dict):
        raise silent("sent an answer that is not a JSON object")
    if "error" in document:
        raise _failure(httpx.codes.INTERNAL_SERVER_ERROR, document["error"])
    return document


def refuse_failure(status: int, content: bytes) -> None:
    """Raise the error for a status other than 200, with the server's message."""
    if status == httpx.codes.OK:
        return
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        error = {"message": f"The chat server answered with HTTP status {status}."}
    raise _failure(status, error)


def _failure(status: int, error: Any) -> StudioError:
    if not isinstance(error, dict):
        error = {"message": str(error)}
    kinds: dict[int, type[StudioError]] = {400: BadInput, 404: NotFound, 409: Conflict, 413: BadInput, 422: BadInput}
    kinds[503] = Unavailable
    known = {field.name for field in fields(Problem)}
    listed = error.get("problems") or [{"message": str(error.get("message"))}]
    problems = [Problem(**{key: value for key, value in told.items() if key in known}) for told in listed]
    kind = kinds.get(status, StudioError)
    return kind(*problems, code=str(error.get("code") or kind.code))
