"""Greedy answers that each end at a limit of their own, near the length of the expected answer.

An answer may be `SPARE_TOKENS` longer than the expected one, rounded up to a multiple of `STEP`; then it
is cut off and has not ended. Questions of like limits are answered together, shortest prompts first; where
the expected answer is known, one pass tells how far the model says it (`workers.evaluation.drafts`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from storage.rendering import Renderer
from workers.evaluation import drafts
from workers.evaluation.generation import ROWS_AT_ONCE, Generated, answers

SPARE_TOKENS = 6
STEP = 4


@dataclass(frozen=True)
class LimitedQuestion:
    """A rendered prompt; `place` is the caller's own number for it."""

    place: int
    prompt_ids: Sequence[int]
    max_new_tokens: int
    draft: Sequence[int] = ()
    """Ids of the expected answer: saves time where the model says them, and changes no answer."""

    @classmethod
    def of(
        cls,
        place: int,
        renderer: Renderer,
        messages: Sequence[Mapping[str, Any]],
        answer: str,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> LimitedQuestion:
        """A conversation that `answer` is expected to continue. Raises `BadInput` when the template refuses it."""
        prompt_ids = renderer.prompt(messages, tools)
        return cls(place, prompt_ids, limit(renderer, answer), renderer.reply(messages, answer, tools))

    def fits(self, context_length: int) -> bool:
        """Whether prompt and longest answer are within a model's context."""
        return len(self.prompt_ids) + self.max_new_tokens <= context_length


def limit(renderer: Renderer, answer: str) -> int:
    """Tokens after which an answer is cut off where this one is expected."""
    expected = len(renderer.row("text", {"text": answer}).ids)  # its end token counts, too
    return -(-(expected + SPARE_TOKENS) // STEP) * STEP


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
    begun: dict[int, list[int]] = {question.place: [] for question in questions}
    given: dict[int, Generated] = {}
    for known in _begun(model, questions, eos_ids, context_length, stopped):
        for question, ids in known:
            begun[question.place] = ids
            if (ended := _ended(ids, question.max_new_tokens, eos_ids)) is not None:
                given[question.place] = ended
        progress(len(given))
    open_questions = [_after(q, begun[q.place]) for q in questions if q.place not in given]
    for group in _groups(open_questions, context_length):
        n_before = len(given)
        found = answers(
            model,
            [question.prompt_ids for question in group],
            eos_ids=eos_ids,
            max_new_tokens=group[-1].max_new_tokens,
            progress=lambda n, n_before=n_before: progress(n_before + n),  # type: ignore[misc]
            stopped=stopped,
        )
        for question, rest in zip(group, found, strict=True):
            within = _within(rest, question.max_new_tokens)
            given[question.place] = Generated((*begun[question.place], *within.ids), within.ended)
    return given


def _begun(
    model: Any,
    questions: Sequence[LimitedQuestion],
    eos_ids: Collection[int],
    context_length: int,
    stopped: Callable[[], bool],
) -> Iterator[list[tuple[LimitedQuestion, list[int]]]]:
    """Questions with the first tokens of their greedy answer, as far as the drafts tell, batch by batch."""
    for group in _groups(questions, context_length):
        prompts, expected = [q.prompt_ids for q in group], [_to_end(q, eos_ids) for q in group]
        for known in drafts.begun(model, prompts, expected, stopped=stopped):
            yield [(group[index], ids) for index, ids in known.items()]


def _to_end(question: LimitedQuestion, eos_ids: Collection[int]) -> Sequence[int]:
    """The draft up to and with its first end token, within the limit."""
    end = next((place for place, token in enumerate(question.draft) if token in eos_ids), len(question.draft))
    return question.draft[: min(end + 1, question.max_new_tokens)]


def _ended(begun: Sequence[int], limit: int, eos_ids: Collection[int]) -> Generated | None:
    """The answer, where its first tokens are already the whole of it."""
    if begun and begun[-1] in eos_ids and len(begun) <= limit:
        return Generated(tuple(begun[:-1]), ended=True)
    return Generated(tuple(begun[:limit]), ended=False) if len(begun) >= limit else None


def _after(question: LimitedQuestion, begun: Sequence[int]) -> LimitedQuestion:
    """What is left to answer when the answer's first tokens are known."""
    return LimitedQuestion(question.place, [*question.prompt_ids, *begun], question.max_new_tokens - len(begun))


def _groups(questions: Sequence[LimitedQuestion], context_length: int) -> Iterator[list[LimitedQuestion]]:
    """Questions of one limit; those of the next limits with them where they would not fill a batch."""
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
    """The answer as it would be with this limit, at which the end token counts."""
    return answer if len(answer.ids) < limit else Generated(answer.ids[:limit], ended=False)
