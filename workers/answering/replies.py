"""What a service's HTTP answer means: an answer, half of one, a refusal, or trouble that may pass."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from templates.errors import StudioError
from templates.shortened import shortened
from workers.answering.spoken import Spoken

SHOWN = 200
KEY_REFUSED, NO_MONEY, UNKNOWN = (401, 403), (402,), (404, 410)
NOT_THIS_PROMPT = (400, 413, 422)
MAY_PASS = (408, 409, 425, 429)
USED_UP = "insufficient_quota"


class Again(Exception):
    """Trouble that may pass; the message says what, in a sentence without a full stop."""

    def __init__(self, what: str, wait_s: float | None = None):
        super().__init__(what)
        self.wait_s = wait_s
        """How long the service asks to wait."""


class PromptRefused(Exception):
    """The service does not take this request; the message says why, in the service's words."""


@dataclass(frozen=True)
class Reply:
    """An answer, and what it cost."""

    spoken: Spoken
    prompt_tokens: int | None
    """None if the service does not count."""
    completion_tokens: int | None


@dataclass(frozen=True)
class Asked:
    """Whom a request went to, for errors."""

    host: str
    model: str
    url: str
    secret: str = field(default="", repr=False)
    """The key, which must not appear in any message."""

    def quoted(self, body: bytes) -> str:
        """The service's own words on an error, shortened, without the key."""
        words = _message(body)
        return shortened(words.replace(self.secret, "…") if self.secret else words, SHOWN)


def read(status: int, headers: httpx.Headers, body: bytes, asked: Asked) -> Reply:
    """The reply. Raises `Again`, `PromptRefused`, and `StudioError` for what no other try would mend."""
    if status == 200:
        return _reply(body)
    words = asked.quoted(body)
    said = f": {words}" if words else ""
    if status in KEY_REFUSED:
        raise StudioError(
            f"{asked.host} does not accept your key ({status}){said}",
            code="key_refused",
            remedy="Store the right key: on the form, or with `studio endpoints key`. Then run the job again.",
        )
    if status in NO_MONEY or (status == 429 and USED_UP in body.decode("utf-8", "replace")):
        raise StudioError(
            f"{asked.host} says that your quota is used up ({status}){said}",
            code="quota",
            remedy="Check your plan there, then run the job again: it goes on from here.",
        )
    if status in UNKNOWN:
        raise StudioError(
            f"{asked.host} does not know the model “{asked.model}”, or there is no {asked.url} ({status}){said}",
            code="unknown_model",
            remedy="Check the model’s name and the address, which usually ends in /v1.",
        )
    if status in NOT_THIS_PROMPT:
        raise PromptRefused(words or f"status {status}")
    if status in MAY_PASS or status >= 500:
        what = "too many requests" if status == 429 else f"status {status}"
        raise Again(f"{asked.host} answers “{what}”{said}", _wait_s(headers))
    where = f" It leads to {headers['location']}." if status // 100 == 3 and "location" in headers else ""
    raise StudioError(
        f"{asked.url} answers with status {status}, which is not OpenAI’s protocol.{where}",
        code="other_protocol",
        remedy="Check the address: it usually ends in /v1.",
    )


def _message(body: bytes) -> str:
    """The error message in a body; the body itself if it has another form."""
    text = body.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except ValueError:
        return "" if text.lstrip().startswith("<") else text  # a page of HTML says nothing
    error = document.get("error", document) if isinstance(document, dict) else document
    told = error.get("message") or error.get("detail") or "" if isinstance(error, dict) else error
    return told if isinstance(told, str) else json.dumps(told)


def _wait_s(headers: httpx.Headers) -> float | None:
    """Seconds from `Retry-After`, which holds seconds or a date."""
    given = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(given))
    except ValueError:
        pass  # a date, or nothing
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _reply(body: bytes) -> Reply:
    try:
        document: Any = json.loads(body)
        choice = document["choices"][0]
        message, why = choice["message"], choice.get("finish_reason")
        usage = document.get("usage") or {}
        text, thought = message.get("content") or "", message.get("reasoning_content") or message.get("reasoning")
        spoken = _spoken(str(text), str(thought) if thought else None, why)
        return Reply(spoken, _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        what = "nothing" if not body.strip() else "half an answer, or one in another form"
        raise Again(f"the service sent {what}") from error


def _spoken(text: str, thought: str | None, why: Any) -> Spoken:
    if why is None:
        raise Again("the service stopped in the middle of an answer")
    if why == "content_filter":
        return Spoken("", None, True, failure="The service’s content filter stopped the answer.")
    if text.lstrip().startswith("<think>"):
        before, closed, after = text.partition("</think>")
        thought, text = before.replace("<think>", "", 1).strip(), after if closed else ""
    is_cut, text = why == "length", text.strip()
    if why in ("tool_calls", "function_call") and not text:
        return Spoken("", None, True, failure="The service answered with a call of a tool, and none was offered.")
    return Spoken(text, thought or None, not is_cut, is_unfinished=is_cut and bool(thought) and not text)


def _count(given: Any) -> int | None:
    return int(given) if isinstance(given, int | float) else None
