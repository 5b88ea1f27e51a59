"""Drops answers with fewer or more characters than you allow."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import model_validator

from storage.data.answers.answer_filter import Answer, AnswerFilter
from templates.spec import Params, setting


class Bounds(Params):
    """The allowed lengths."""

    min_characters: int = setting(1, "Shortest answer", shown=True, unit="characters", ge=1, le=1_000_000)
    """Shorter answers are dropped."""
    max_characters: int = setting(2_000, "Longest answer kept", shown=True, unit="characters", ge=1, le=1_000_000)
    """Longer answers are dropped."""

    @model_validator(mode="after")
    def _ordered(self) -> Bounds:
        if self.min_characters > self.max_characters:
            raise ValueError("min_characters must not be larger than max_characters")
        return self


def judge(answers: Sequence[Answer], params: Bounds) -> dict[int, str]:
    """Every answer outside the bounds."""
    lengths = {one.number: len(one.text) for one in answers}
    return {
        number: f"It has {length:,} characters; {params.min_characters:,} to {params.max_characters:,} are allowed."
        for number, length in lengths.items()
        if not params.min_characters <= length <= params.max_characters
    }


SPEC = AnswerFilter(
    title="Answers that are too short or too long",
    outcome="are too short or too long",
    judge=judge,
    params=Bounds,
)
