"""The events of an answer: pieces of text, then how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workers.serving.answers import UNFINISHED


@dataclass(frozen=True)
class Scored:
    """A token as text, with the natural logarithm of its probability."""

    text: str
    logprob: float

    def document(self) -> dict[str, Any]:
        """In OpenAI's shape; a token that is only a part of a character has no bytes that text could show."""
        whole = None if UNFINISHED in self.text else list(self.text.encode())
        return {"token": self.text, "logprob": self.logprob, "bytes": whole}


@dataclass(frozen=True)
class ScoredToken:
    """A token of an answer, and the likeliest tokens at its place."""

    chosen: Scored
    top: tuple[Scored, ...]

    def document(self) -> dict[str, Any]:
        """In OpenAI's shape."""
        return {**self.chosen.document(), "top_logprobs": [one.document() for one in self.top]}


@dataclass(frozen=True)
class Piece:
    """Text to append to an answer."""

    text: str
    is_reasoning: bool = False
    """It belongs to the reasoning before the answer."""
    tokens: tuple[ScoredToken, ...] = ()
    """The tokens since the piece before with their scores, if the request asks for them."""


@dataclass(frozen=True)
class Ended:
    """An answer is complete."""

    reason: Literal["stop", "length"]
    n_tokens: int
    time_to_first_token_s: float
    tokens_per_s: float | None
    """Pace after the first token; None for a single token."""
    labels: Mapping[str, Any] | None = None
    """The probabilities of labels, if the answer is one of them."""


@dataclass(frozen=True)
class Broke:
    """An answer can't be continued."""

    why: str


Event = Piece | Ended | Broke
