"""What a teacher said to a prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spoken:
    """One answer, or the reason why there is none."""

    text: str
    """The answer, without the reasoning before it."""
    reasoning: str | None
    ended: bool
    """False if the answer was cut off."""
    is_unfinished: bool = False
    """It was cut off in its reasoning: there is no answer."""
    failure: str = ""
    """Why the service gave no answer, in a sentence."""
