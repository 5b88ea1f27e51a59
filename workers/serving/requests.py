"""The body of a chat request, with OpenAI's names; refuses any other field by name."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from templates.errors import BadInput, Problem

MAX_STOPS = 8
MAX_TOP = 20
MAX_STOP_CHARS = 256


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One turn of the conversation."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str

    @field_validator("content", mode="before")
    @classmethod
    def _one_text(cls, value: Any) -> Any:
        if isinstance(value, list):
            return "".join(_Part.model_validate(part).text for part in value)
        return value


class _StreamOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False
    include_obfuscation: bool = False


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`. The last group of fields may only have neutral values."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    temperature: float = Field(1.0, ge=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    """None: drawn at random, and reported in the answer."""
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: list[str] = Field(default=[], max_length=MAX_STOPS)
    logprobs: bool | None = None
    """Report how likely each token of the answer was."""
    top_logprobs: int | None = Field(None, ge=0, le=MAX_TOP)
    """How many of the likeliest tokens to report at each place."""
    strength: float = Field(1.0, gt=0, le=1)
    """The studio's own: the share of a LoRA adapter's effect, between its base and what was trained."""
    labels_of: str | None = None
    """The studio's own: choose among the labels of this result. By default a result that chooses among labels does so,
    and other models answer freely; "" lets every model answer freely."""

    n: Literal[1] = 1
    frequency_penalty: Literal[0] = 0
    presence_penalty: Literal[0] = 0
    user: str | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [] if value is None else [value] if isinstance(value, str) else value

    @field_validator("stop")
    @classmethod
    def _short(cls, value: list[str]) -> list[str]:
        if any(not 0 < len(stop) <= MAX_STOP_CHARS for stop in value):
            raise ValueError(f"each stop text must have 1 to {MAX_STOP_CHARS} characters")
        return value

    @field_validator("temperature", "top_p", "frequency_penalty", "presence_penalty", "strength", mode="before")
    @classmethod
    def _unset(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].default if value is None else value

    @model_validator(mode="after")
    def _asks_something(self) -> ChatRequest:
        last = self.messages[-1]
        if last.role == "assistant":
            raise ValueError("the last message must be the user's, not the assistant's")
        if not last.content.strip():
            raise ValueError("the last message is empty: there is nothing to answer")
        return self

    @model_validator(mode="after")
    def _scores_are_wanted(self) -> ChatRequest:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs to be true")
        return self

    @property
    def wanted_tokens(self) -> int | None:
        """Requested length limit; None if not given."""
        return self.max_completion_tokens or self.max_tokens


def parse(body: bytes) -> ChatRequest:
    """Parse the request. Raises `BadInput` with every problem."""
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        raise BadInput(*problems(error)) from error


def problems(error: ValidationError) -> list[Problem]:
    """What is wrong with a request, by field."""
    return [_problem(detail) for detail in error.errors(include_url=False)]


def _problem(detail: Any) -> Problem:
    field = ".".join(str(part) for part in detail["loc"]) or None
    if detail["type"] == "extra_forbidden":
        return Problem("is not supported by this server.", field=field, remedy="Leave it out.")
    if detail["type"] == "value_error":
        return Problem(f"{detail['ctx']['error']}.", field=field)
    return Problem(f"{detail['msg']}.", field=field)
