"""Drops an answer that hardly differs from an earlier answer to the same prompt.

Compares character n-grams like the health report, in any script. Answers of a few characters are too short for it,
and answers whose numbers differ are different.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from storage.data.answers.answer_filter import REPEATS, Answer, AnswerFilter, NoParams
from storage.data.rows.comparable import normalised


def judge(answers: Sequence[Answer], _params: NoParams) -> dict[int, str]:
    """Every answer of a group of alike ones except the first."""
    from storage.data.rows.near import Sketches, clusters  # needed late: numpy is slow to import

    if len(answers) < 2:
        return {}
    texts = [normalised(one.text) for one in answers]
    keys = [(normalised(one.prompt), *re.findall(r"\d+", text)) for one, text in zip(answers, texts, strict=True)]
    groups = clusters(len(answers), Sketches(texts).pairs(keys))
    return {
        answers[place].number: f"Nearly the same as answer {answers[group[0]].number}."
        for group in groups
        for place in group[1:]
    }


SPEC = AnswerFilter(
    title="Nearly repeated answers",
    outcome="are nearly the same as another answer to the same prompt",
    judge=judge,
    when=REPEATS,
)
