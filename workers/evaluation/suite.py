"""Scores one model on a suite: a greedy answer to every item, right or wrong in each part that counts.

An answer may be `SPARE_TOKENS` longer than the expected one, rounded up to a multiple of `STEP`; then it
is cut off and counts as wrong. Items of like limits are answered together, shortest prompts first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from storage.rendering import Renderer
from storage.suites import PHRASINGS, Suite
from templates.errors import BadInput
from workers.evaluation.generation import ROWS_AT_ONCE, Generated, answers

if TYPE_CHECKING:
    from templates.world.suite import SuiteItem

Bools = npt.NDArray[np.bool_]
SPARE_TOKENS = 6
STEP = 4


@dataclass(frozen=True)
class SuiteScores:
    """One model on the items of one suite. Arrays follow the order of the suite's items."""

    suite: Suite
    right: Mapping[str, Mapping[str, Bools]]
    """Score, then phrasing → for each item of its ability in this phrasing, whether it was right."""
    n_too_long: int
    """Items not answered because their prompt leaves no room for an answer in the model's context: wrong."""
    n_refused: int
    """Items not answered because the model's chat template refuses the conversation: wrong."""
    n_cut_off: int
    """Answers that did not end within their limit: wrong."""

    def of_ability(self, ability: str, phrasing: str) -> npt.NDArray[np.float64]:
        """Each item's share of its ability's scores that are right, `(n_items,)`."""
        parts = [self.right[score][phrasing] for score in self.suite.abilities[ability].parts]
        shares: npt.NDArray[np.float64] = np.mean(parts, axis=0, dtype=np.float64)
        return shares


@dataclass(frozen=True)
class _Question:
    place: int
    prompt_ids: list[int]
    max_new_tokens: int


def score(
    model: Any,
    renderer: Renderer,
    suite: Suite,
    *,
    context_length: int,
    progress: Callable[[int, int], None] = lambda _n, _of: None,
    stopped: Callable[[], bool] = lambda: False,
) -> SuiteScores:
    """Answer all items of `suite`; `suite.sample` gives a smaller one.

    `progress(n, of)` counts items. Raises `Interrupted` once `stopped()` is true.
    """
    questions = _questions(renderer, suite.items)
    fitting = [q for q in questions if len(q.prompt_ids) + q.max_new_tokens <= context_length]
    given = _answered(model, renderer, fitting, context_length, lambda n: progress(n, len(fitting)), stopped)
    texts = {place: renderer.decode(answer.ids).strip() for place, answer in given.items() if answer.ended}
    return SuiteScores(
        suite=suite,
        right=_right(suite, texts),
        n_too_long=len(questions) - len(fitting),
        n_refused=len(suite.items) - len(questions),
        n_cut_off=len(given) - len(texts),
    )


def _questions(renderer: Renderer, items: Sequence[SuiteItem]) -> list[_Question]:
    questions = []
    for place, item in enumerate(items):
        try:
            prompt_ids = renderer.prompt(item.messages, item.tools)
        except BadInput:
            continue  # counted as refused
        questions.append(_Question(place, prompt_ids, answer_limit(renderer, item.answer)))
    return questions


def answer_limit(renderer: Renderer, answer: str) -> int:
    """Tokens after which an answer is cut off where this one is expected."""
    expected = len(renderer.row("text", {"text": answer}).ids)  # its end token counts, too
    return -(-(expected + SPARE_TOKENS) // STEP) * STEP


def _answered(
    model: Any,
    renderer: Renderer,
    questions: Sequence[_Question],
    context_length: int,
    progress: Callable[[int], None],
    stopped: Callable[[], bool],
) -> dict[int, Generated]:
    """Answers by the item's place; each ends at its own limit, whatever the limit of its group."""
    given: dict[int, Generated] = {}
    for group in _groups(questions, context_length):
        n_before = len(given)
        found = answers(
            model,
            [question.prompt_ids for question in group],
            eos_ids=renderer.eos_ids,
            max_new_tokens=group[-1].max_new_tokens,
            progress=lambda n, n_before=n_before: progress(n_before + n),  # type: ignore[misc]
            stopped=stopped,
        )
        given |= {q.place: _within(answer, q.max_new_tokens) for q, answer in zip(group, found, strict=True)}
    return given


def _groups(questions: Sequence[_Question], context_length: int) -> Iterator[list[_Question]]:
    """Questions of one limit; those of the next limits with them where they would not fill a batch."""
    group: list[_Question] = []
    by_limit = sorted(questions, key=lambda question: question.max_new_tokens)
    for limit, found in groupby(by_limit, key=lambda question: question.max_new_tokens):
        longest = max((len(question.prompt_ids) for question in group), default=0)
        if group and (len(group) >= ROWS_AT_ONCE or longest + limit > context_length):
            yield group
            group = []
        group = [*group, *found]
    if group:
        yield group


def _within(answer: Generated, limit: int) -> Generated:
    """The answer as it would be with this limit, at which the end token counts."""
    return answer if len(answer.ids) < limit else Generated(answer.ids[:limit], ended=False)


def _right(suite: Suite, texts: Mapping[int, str]) -> dict[str, dict[str, Bools]]:
    """Whether each item is right in each score of its ability; what was not answered is wrong."""
    found: dict[str, dict[str, list[bool]]] = {
        score: {phrasing: [] for phrasing in PHRASINGS}
        for ability in suite.abilities.values()
        for score in ability.parts
    }
    for place, item in enumerate(suite.items):
        given = texts.get(place)
        for score, part in suite.abilities[item.ability].parts.items():
            right = given is not None and part(given) == part(item.answer.strip())
            found[score][item.phrasing].append(right)
    return {
        score: {phrasing: np.array(right, dtype=np.bool_) for phrasing, right in one.items()}
        for score, one in found.items()
    }
