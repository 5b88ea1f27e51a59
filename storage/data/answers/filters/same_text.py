"""Drops answers that are not the row's own answer, apart from case, blanks, quotes and a full stop."""

from __future__ import annotations

from collections.abc import Sequence

from storage.data.answers import expected
from storage.data.answers.answer_filter import Answer, AnswerFilter, NoParams
from templates.shortened import shortened


def judge(answers: Sequence[Answer], _params: NoParams) -> dict[int, str]:
    """Every answer with another text."""
    return {one.number: why for one in answers if (why := _why(one))}


def _why(answer: Answer) -> str:
    if answer.expected is None:
        return expected.NOTHING_TO_COMPARE
    if expected.plain(answer.text) == expected.plain(answer.expected):
        return ""
    return f"The row’s answer is “{shortened(answer.expected, 60)}”."


SPEC = AnswerFilter(
    title="Answers other than the row’s own",
    outcome="are not the row’s own answer",
    judge=judge,
    needs_expected=True,
)
