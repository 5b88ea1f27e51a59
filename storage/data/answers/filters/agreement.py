"""Keeps the answer on which most of a prompt's answers agree, and drops the others.

Ask for several answers per prompt. Answers agree if they are the same text, apart from case and blanks, or if they
contain the same last number. If the largest group is smaller than the wanted share, or two are equally large, none
is kept. An empty answer counts against agreement. Wang et al. 2022, “Self-consistency”.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from storage.data.answers import expected
from storage.data.answers.answer_filter import VOTE, Answer, AnswerFilter
from templates.filters.agreement import Agreement


def judge(answers: Sequence[Answer], params: Agreement) -> dict[int, str]:
    """Everything but each prompt's majority."""
    by_prompt: dict[int, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_prompt[answer.prompt_row].append(answer)
    return {number: why for group in by_prompt.values() for number, why in _judged(group, params).items()}


def _judged(group: Sequence[Answer], params: Agreement) -> dict[int, str]:
    said = {answer.number: _said(answer, params.agree_on) for answer in group}
    ranked = Counter(text for text in said.values() if text).most_common(2)
    most, n_most = ranked[0] if ranked else ("", 0)
    if n_most < params.min_agreement * len(group):
        return dict.fromkeys(said, f"At most {n_most} of {len(group)} answers to this prompt agree.")
    if len(ranked) > 1 and ranked[1][1] == n_most:
        return dict.fromkeys(said, f"No majority: two different answers were given {n_most} times each.")
    why = f"Differs from the answer that {n_most} of {len(group)} agree on."
    return {number: why for number, text in said.items() if text != most}


def _said(answer: Answer, on: str) -> str:
    return expected.last_number(answer.text) if on == "number" else expected.plain(answer.text)


SPEC = AnswerFilter(
    title="Answers that differ from the majority",
    outcome="differ from what the other answers to the prompt agree on",
    judge=judge,
    params=Agreement,
    when=VOTE,
    needs_several=True,
)
