"""Drops answers that don't contain the row's own answer, such as a label, as whole words in any case."""

from __future__ import annotations

from collections.abc import Sequence

from storage.data.answers import expected
from storage.data.answers.answer_filter import Answer, AnswerFilter, NoParams
from templates.shortened import shortened


def judge(answers: Sequence[Answer], _params: NoParams) -> dict[int, str]:
    """Every answer without the row's own in it."""
    return {one.number: why for one in answers if (why := _why(one))}


def _why(answer: Answer) -> str:
    if answer.expected is None:
        return expected.NOTHING_TO_COMPARE
    if expected.contains(answer.text, answer.expected):
        return ""
    return f"“{shortened(answer.expected, 60)}” is not in it."


SPEC = AnswerFilter(
    title="Answers without the row’s own answer in them",
    outcome="don’t contain the row’s own answer",
    judge=judge,
    needs_expected=True,
)
