"""Generates greedy answers, each with its own limit near the length of the expected answer.

An answer may be a few tokens longer than the expected one, rounded up to a multiple of `STEP`; then it is
cut off and doesn't count as ended. Questions with similar limits are answered together, shortest
prompts first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from storage.rendering.renderer import Renderer
from templates.spec.suite import SPARE_TOKENS
from workers.evaluation.generation import ROWS_AT_ONCE, Generated, answers

STEP = 4


@dataclass(frozen=True)
class LimitedQuestion:
    """A rendered prompt; `place` is the caller's own number for it."""

    place: int
    prompt_ids: Sequence[int]
    max_new_tokens: int

    def fits(self, context_length: int) -> bool:
        """Whether the prompt and its longest answer fit the model's context."""
        return len(self.prompt_ids) + self.max_new_tokens <= context_length


def limit(renderer: Renderer, answer: str, spare_tokens: int = SPARE_TOKENS) -> int:
    """Tokens after which an answer is cut off, given the expected one and the tokens that it may have more."""
    expected = len(renderer.row("text", {"text": answer}).ids)  # the end token counts too
    return -(-(expected + spare_tokens) // STEP) * STEP


def limited_answers(
    model: Any,
    questions: Sequence[LimitedQuestion],
    *,
    eos_ids: Sequence[int],
    context_length: int,
    progress: Callable[[int], None] = lambda _n: None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[int, Generated]:
    """Answers by their question's place. `progress(n)` counts questions; raises `Interrupted` once `stopped()`."""
    given: dict[int, Generated] = {}
    for group in _groups(questions, context_length):
        n_before = len(given)
        found = answers(
            model,
            [question.prompt_ids for question in group],
            eos_ids=eos_ids,
            max_new_tokens=group[-1].max_new_tokens,
            progress=lambda n, n_before=n_before: progress(n_before + n),  # type: ignore[misc]
            stopped=stopped,
        )
        given |= {q.place: _within(answer, q.max_new_tokens) for q, answer in zip(group, found, strict=True)}
    return given


def _groups(questions: Sequence[LimitedQuestion], context_length: int) -> Iterator[list[LimitedQuestion]]:
    """Questions with one limit, joined by those with the next limits if they would not fill a batch."""
    group: list[LimitedQuestion] = []
    by_limit = sorted(questions, key=lambda question: question.max_new_tokens)
    for most, found in groupby(by_limit, key=lambda question: question.max_new_tokens):
        longest = max((len(question.prompt_ids) for question in group), default=0)
        if group and (len(group) >= ROWS_AT_ONCE or longest + most > context_length):
            yield group
            group = []
        group = [*group, *found]
    if group:
        yield group


def _within(answer: Generated, limit: int) -> Generated:
    """The answer cut at this limit; the end token counts towards it."""
    return answer if len(answer.ids) < limit else Generated(answer.ids[:limit], ended=False)
