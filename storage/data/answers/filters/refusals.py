"""Drops answers that refuse: “I'm sorry, but I can't …”, “As an AI language model …”, “抱歉，我无法…”.

The patterns are those of the health report (`storage/data/health/checks/refusals.py`), in English, Chinese, German,
French and Spanish. They look at the first 200 characters; “Sorry to hear that” is not a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.data.answers.answer_filter import Answer, AnswerFilter, NoParams
from templates.shortened import shortened


def judge(answers: Sequence[Answer], _params: NoParams) -> dict[int, str]:
    """Every answer that begins with a refusal."""
    from storage.data.health.checks.refusals import refuses  # needed late: numpy is slow to import

    return {one.number: f"It begins “{shortened(one.text, 60)}”." for one in answers if refuses(one.text)}


SPEC = AnswerFilter(
    title="Refusals",
    outcome="refuse to answer",
    judge=judge,
    advised=True,
)
