"""How likely a model found each token of its answer, as the chat protocol tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from templates.errors import Unavailable


@dataclass(frozen=True)
class TokenScore:
    """A token and its probability, between 0 and 1."""

    text: str
    probability: float


@dataclass(frozen=True)
class AnswerToken:
    """A token of an answer, and the likeliest ones at its place, itself among them as a rule."""

    said: TokenScore
    top: tuple[TokenScore, ...]

    @property
    def others(self) -> tuple[TokenScore, ...]:
        """The likeliest tokens that were not said."""
        return tuple(one for one in self.top if one.text != self.said.text)


def of_choice(choice: Mapping[str, Any]) -> tuple[AnswerToken, ...]:
    """The tokens of a choice in OpenAI's shape; none if the server did not score them.

    Raises `Unavailable` for scores that can't be read.
    """
    scored = choice.get("logprobs") or {}
    try:
        return tuple(
            AnswerToken(_score(token), tuple(_score(one) for one in token.get("top_logprobs") or ()))
            for token in scored.get("content") or ()
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable("The chat server sent probabilities that can’t be read.", code="chat_unavailable") from error


def _score(told: Mapping[str, Any]) -> TokenScore:
    return TokenScore(str(told["token"]), math.exp(min(0.0, float(told["logprob"]))))
