"""Answers and errors in OpenAI's shapes: one document, or a stream of server-sent events."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storage.gallery import artifacts
from templates.errors import StudioError
from workers.serving.catalogue import Entry
from workers.serving.events import Ended, Piece, ScoredToken

if TYPE_CHECKING:
    from workers.serving.residents import Resident

DONE = b"data: [DONE]\n\n"
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    413: "invalid_request_error",
}


def event(document: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def failure(error: StudioError, status: int | None = None) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of an error; `problems` is the studio's own extension."""
    status = status or (400 if error.http_status == 422 else error.http_status)
    body = {
        "message": str(error),
        "type": KINDS.get(status, "server_error"),
        "param": next((problem.field for problem in error.problems if problem.field), None),
        "code": error.code,
        "problems": [asdict(problem) for problem in error.problems],
    }
    return status, {"error": body}


def identity(entry: Entry, resident: Resident | None) -> dict[str, Any]:
    """The model's exact identity and its self-test; None if it is not loaded yet."""
    test = resident.self_test(entry) if resident else None
    facts = artifacts.model_facts(entry.artifact) if entry.artifact else None
    return {
        "kind": entry.kind,
        "base": entry.row.name,
        "base_revision": (facts.own_base if facts else "") or entry.row.revision,
        "weights_sha256": facts.weights_sha256 if facts else None,
        "has_strength": entry.has_strength,
        "precision": str(resident.engine.loaded.dtype).removeprefix("torch.") if resident else None,
        "template_sha256": resident.engine.loaded.renderer.template_sha256 if resident else None,
        "self_test": test.outcome if test else None,
        "base_difference": test.base_difference if test else None,
        "adapter_effect": test.adapter_effect if test else None,
    }


class Completion:
    """The fields around one answer: id, model, and the studio's additions under `studio`."""

    def __init__(self, model: str, n_prompt_tokens: int, identity: Mapping[str, Any]):
        self._frame = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}
        self._n_prompt_tokens = n_prompt_tokens
        self._identity = dict(identity)

    def whole(
        self, text: str, ended: Ended, reasoning: str = "", tokens: Sequence[ScoredToken] | None = None
    ) -> dict[str, Any]:
        """The answer as one document, with the `tokens` and their scores if the request asked for them."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {
            "index": 0,
            "message": {**message, "reasoning_content": reasoning.rstrip()} if reasoning else message,
            "finish_reason": ended.reason,
            "logprobs": None if tokens is None else _logprobs(tokens),
        }
        return {
            **self._frame,
            "object": "chat.completion",
            "choices": [choice],
            "usage": self._usage(ended),
            "studio": self._studio(ended),
        }

    def opening(self) -> bytes:
        """The first event: role and model."""
        return self._chunk({"role": "assistant", "content": ""}, studio=self._identity)

    def piece(self, piece: Piece) -> bytes:
        """An event with more text, of the answer or of the reasoning before it."""
        logprobs = _logprobs(piece.tokens) if piece.tokens else None
        return self._chunk({"reasoning_content" if piece.is_reasoning else "content": piece.text}, logprobs=logprobs)

    def closing(self, ended: Ended, *, with_usage: bool) -> bytes:
        """The last events."""
        last = self._chunk({}, ended.reason, studio=self._studio(ended))
        usage = event({**self._frame, "object": "chat.completion.chunk", "choices": [], "usage": self._usage(ended)})
        return last + (usage if with_usage else b"") + DONE

    def _chunk(
        self,
        delta: Mapping[str, Any],
        finish_reason: str | None = None,
        logprobs: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": logprobs}
        return event({**self._frame, "object": "chat.completion.chunk", "choices": [choice], **more})

    def _usage(self, ended: Ended) -> dict[str, int]:
        return {
            "prompt_tokens": self._n_prompt_tokens,
            "completion_tokens": ended.n_tokens,
            "total_tokens": self._n_prompt_tokens + ended.n_tokens,
        }

    def _studio(self, ended: Ended) -> dict[str, Any]:
        return {
            **self._identity,
            "time_to_first_token_s": round(ended.time_to_first_token_s, 4),
            "tokens_per_s": round(ended.tokens_per_s, 2) if ended.tokens_per_s else None,
            **({} if ended.labels is None else {"labels": ended.labels}),
        }


def _logprobs(tokens: Sequence[ScoredToken]) -> dict[str, Any]:
    """The `logprobs` of a choice. They cover every token before the end: those of a stop text and of reasoning too."""
    return {"content": [token.document() for token in tokens], "refusal": None}
