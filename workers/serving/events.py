"""The events of an answer: pieces of text, then how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Piece:
    """Text to append to an answer."""

    text: str
    is_reasoning: bool = False
    """It belongs to the reasoning before the answer."""


@dataclass(frozen=True)
class Ended:
    """An answer is complete."""

    reason: Literal["stop", "length"]
    n_tokens: int
    time_to_first_token_s: float
    tokens_per_s: float | None
    """Pace after the first token; None for a single token."""


@dataclass(frozen=True)
class Broke:
    """An answer can't be continued."""

    why: str


Event = Piece | Ended | Broke
