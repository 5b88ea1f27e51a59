"""Drops answers with fewer or more characters than you allow."""

from __future__ import annotations

from collections.abc import Sequence

from storage.data.answers.answer_filter import Answer, AnswerFilter
from templates.filters.length import Bounds


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
