"""Drops answers that the teacher did not finish: they reached the longest answer allowed."""

from __future__ import annotations

from collections.abc import Sequence

from storage.data.answers.answer_filter import Answer, AnswerFilter, NoParams


def judge(answers: Sequence[Answer], _params: NoParams) -> dict[int, str]:
    """Every answer without its end."""
    return {one.number: "It was cut off at the longest answer allowed." for one in answers if not one.ended}


SPEC = AnswerFilter(
    title="Answers that were cut off",
    outcome="were cut off",
    judge=judge,
    advised=True,
)
