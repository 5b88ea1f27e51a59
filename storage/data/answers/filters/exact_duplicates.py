"""Drops an answer that an earlier answer to the same prompt already gave, apart from case and blanks."""

from __future__ import annotations

from collections.abc import Sequence

from storage.data.answers.answer_filter import REPEATS, Answer, AnswerFilter, NoParams
from storage.data.rows.comparable import normalised


def judge(answers: Sequence[Answer], _params: NoParams) -> dict[int, str]:
    """Every repeated answer except the first."""
    first: dict[tuple[str, str], int] = {}
    for one in answers:
        first.setdefault(_key(one), one.number)
    return {one.number: f"The same as answer {first[_key(one)]}." for one in answers if first[_key(one)] != one.number}


def _key(answer: Answer) -> tuple[str, str]:
    return normalised(answer.prompt), normalised(answer.text)


SPEC = AnswerFilter(
    title="Repeated answers",
    outcome="repeat another answer to the same prompt",
    judge=judge,
    when=REPEATS,
    advised=True,
)
