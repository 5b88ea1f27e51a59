"""Drops answers whose last number is not the last number of the row's own answer: 42 is 42.0 and 1,000 is 1000."""

from __future__ import annotations

from collections.abc import Sequence

from storage.data.answers import expected
from storage.data.answers.answer_filter import Answer, AnswerFilter, NoParams


def judge(answers: Sequence[Answer], _params: NoParams) -> dict[int, str]:
    """Every answer that ends with another number."""
    return {one.number: why for one in answers if (why := _why(one))}


def _why(answer: Answer) -> str:
    wanted = expected.last_number(answer.expected or "")
    if not wanted:
        return (
            expected.NOTHING_TO_COMPARE
            if answer.expected is None
            else "The row’s answer has no number to compare with."
        )
    found = expected.last_number(answer.text)
    if found == wanted:
        return ""
    return f"It says {found}; the row says {wanted}." if found else f"It has no number; the row says {wanted}."


SPEC = AnswerFilter(
    title="Answers with another number than the row’s own",
    outcome="have another number than the row’s own answer",
    judge=judge,
    needs_expected=True,
)
