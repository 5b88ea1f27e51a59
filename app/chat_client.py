"""The chat client of the pages and the command line: OpenAI's protocol over HTTP.

It works with any server that speaks the protocol; fields that only the studio's own server sends
(revision, hashes, self-test, pace) are None for others. A model is named as `templates.at_strength` reads it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import httpx

from app import chat_connection, token_scores
from app.token_scores import AnswerToken
from storage.models import User
from storage.settings import settings
from templates import at_strength
from templates.at_strength import FIELD
from templates.errors import Unavailable

ANSWER_S = 300.0
"""Longest silence before or within an answer: a large model takes a while to load."""
LOOK_S = 15.0
Message = Mapping[str, str]


@dataclass(frozen=True)
class Delta:
    """More text of an answer."""

    text: str
    is_reasoning: bool = False
    """It belongs to the reasoning before the answer."""


@dataclass(frozen=True)
class Info:
    """Facts about an answer besides its text. The studio's own extras may be None."""

    model: str
    finish_reason: str
    """`stop`: the model ended it. `length`: it ran out of tokens."""
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None
    kind: str | None = None
    """`base`, `adapter` or `full_model`."""
    base: str | None = None
    base_revision: str | None = None
    weights_sha256: str | None = None
    """Of the adapter or full model; None for a base model."""
    template_sha256: str | None = None
    precision: str | None = None
    """The dtype that it answers in, such as `bfloat16`."""
    self_test: str | None = None
    """`passed`, or `no_effect`: the adapter doesn't change the model's answers."""
    base_difference: float | None = None
    """Largest change of a base logit when the adapter is attached: 0 proves that the base is untouched."""
    adapter_effect: float | None = None
    """Largest difference between the adapter's and the base's logits on a probe."""
    strength: float | None = None
    """The share of the adapter's effect; None for a base model."""
    seed: int | None = None
    labels: Mapping[str, Any] | None = None
    """If the answer is one of a result's labels: their probabilities, temperature and threshold."""
    time_to_first_token_s: float | None = None
    tokens_per_s: float | None = None


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    text: str
    info: Info
    reasoning: str = ""
    """The model's reasoning before it."""
    tokens: tuple[AnswerToken, ...] = ()
    """Its tokens with their probabilities, if they were asked for and the server tells them."""


@dataclass(frozen=True)
class ServedModel:
    """A model that the chat server offers."""

    name: str
    loaded: bool | None
    """Already in memory; None if the server doesn't say."""
    studio: Mapping[str, Any]


@dataclass(frozen=True)
class Health:
    """The chat server is running; `ready` means that it can answer at once."""

    ready: bool
    device: str | None


def health() -> Health:
    """The chat server's state. Raises `Unavailable` if it doesn't answer."""
    with (
        chat_connection.reaching(),
        httpx.Client(**chat_connection.connection(None, chat_connection.CONNECT_S)) as client,
    ):
        response = client.get("/healthz")
        chat_connection.refuse_failure(response.status_code, response.content)
        told = chat_connection.document(response.content)
        return Health(bool(told.get("ready", True)), told.get("device"))


def models(user: User) -> list[ServedModel]:
    """The models that the user may chat with, base models first."""
    with chat_connection.reaching(), httpx.Client(**chat_connection.connection(user, LOOK_S)) as client:
        response = client.get("/v1/models")
        chat_connection.refuse_failure(response.status_code, response.content)
        listed = chat_connection.document(response.content)["data"]
    return [ServedModel(m["id"], m.get("studio", {}).get("loaded"), m.get("studio", {})) for m in listed]


def post(path: str, body: Mapping[str, Any], *, user: User) -> dict[str, Any]:
    """The server's answer to a document. Re-raises its refusal as a `StudioError`."""
    with chat_connection.reaching(), httpx.Client(**chat_connection.connection(user, ANSWER_S)) as client:
        response = client.post(path, json=body)
        chat_connection.refuse_failure(response.status_code, response.content)
        return chat_connection.document(response.content)


def complete(
    model: str,
    messages: Sequence[Message],
    *,
    user: User,
    seed: int | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    max_new_tokens: int | None = None,
    stop: Sequence[str] = (),
    top_logprobs: int | None = None,
    labels_of: str | None = None,
) -> Answer:
    """The model's complete answer to a conversation. Re-raises the server's refusal as a `StudioError`.

    With `top_logprobs`, each token's probability is told, and that many of the likeliest at its place. `labels_of`
    names a result whose labels the model has to choose among.
    """
    body = _body(model, messages, seed, temperature, top_p, max_new_tokens, stop, labels_of)
    if top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": top_logprobs}
    document = post("/v1/chat/completions", body, user=user)
    choice = document["choices"][0]
    told = {**document.get("studio", {}), **_counts(document.get("usage"))}
    _refuse_ignored(body, told)
    return Answer(
        choice["message"]["content"] or "",
        _info(document["model"], choice["finish_reason"], told),
        _reasoning(choice["message"]),
        token_scores.of_choice(choice),
    )


async def stream(
    model: str,
    messages: Sequence[Message],
    *,
    user: User,
    seed: int | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    max_new_tokens: int | None = None,
    stop: Sequence[str] = (),
    labels_of: str | None = None,
) -> AsyncIterator[Delta | Info]:
    """Stream the answer: deltas, then one `Info`. Closing the iterator stops generation on the server."""
    body = _body(model, messages, seed, temperature, top_p, max_new_tokens, stop, labels_of)
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    told: dict[str, Any] = {}
    reason = ""
    with chat_connection.reaching():
        async with (
            httpx.AsyncClient(**chat_connection.connection(user, ANSWER_S)) as client,
            client.stream("POST", "/v1/chat/completions", json=body) as response,
        ):
            if response.status_code != httpx.codes.OK:
                chat_connection.refuse_failure(response.status_code, await response.aread())
            async for line in response.aiter_lines():
                if not line.startswith("data:") or line.endswith("[DONE]"):
                    continue
                chunk = chat_connection.document(line.removeprefix("data:").encode())
                told |= {**chunk.get("studio", {}), **_counts(chunk.get("usage"))}
                _refuse_ignored(body, told)
                for choice in chunk["choices"]:
                    reason = choice.get("finish_reason") or reason
                    if text := _reasoning(choice["delta"]):
                        yield Delta(text, is_reasoning=True)
                    if text := choice["delta"].get("content"):
                        yield Delta(text)
    if not reason:
        raise chat_connection.silent("broke off in the middle of an answer")
    yield _info(body["model"], reason, told)


def _body(
    model: str,
    messages: Sequence[Message],
    seed: int | None,
    temperature: float,
    top_p: float,
    max_new_tokens: int | None,
    stop: Sequence[str],
    labels_of: str | None,
) -> dict[str, Any]:
    name, strength = at_strength.read(model)
    body = {"model": name, "messages": [dict(message) for message in messages], "temperature": temperature}
    weakened = None if strength == at_strength.FULL else strength  # only our own server knows it
    optional = {
        "seed": seed,
        "max_tokens": max_new_tokens,
        "stop": list(stop) or None,
        FIELD: weakened,
        "labels_of": labels_of,
    }
    return {**body, "top_p": top_p, **{key: value for key, value in optional.items() if value is not None}}


def _refuse_ignored(body: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Raise `Unavailable` if the server answers at another strength: many ignore what they don't know."""
    if FIELD in body and told.get(FIELD) != body[FIELD]:
        what = f"The chat server at {settings().chat} can't weaken adapters: it would answer at full strength."
        remedy = "Leave the strength out, or download the adapter at this strength and serve that."
        raise Unavailable(what, code="no_strength", remedy=remedy)


def _reasoning(message: Mapping[str, Any]) -> str:
    """Reasoning in a message or delta: servers use either name."""
    return str(message.get("reasoning_content") or message.get("reasoning") or "")


def _counts(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    if not usage:
        return {}
    return {"n_prompt_tokens": usage.get("prompt_tokens"), "n_tokens": usage.get("completion_tokens")}


def _info(model: str, finish_reason: str, told: Mapping[str, Any]) -> Info:
    known = {field.name for field in fields(Info)} - {"model", "finish_reason"}
    return Info(model, finish_reason, **{key: value for key, value in told.items() if key in known})
