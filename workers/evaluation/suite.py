"""Scores one model on a suite: a greedy answer to every item, marked right or wrong in each score.

An answer that is cut off at its limit (`workers.evaluation.limited_answers`) counts as wrong if the suite says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from storage.gallery.suites import PHRASINGS, Suite
from storage.rendering.renderer import Renderer
from templates.errors import BadInput
from workers.evaluation.limited_answers import LimitedQuestion, limit, limited_answers

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SuiteScores:
    """One model's scores on a suite. Arrays follow the order of the suite's items."""

    suite: Suite
    right: Mapping[str, Mapping[str, Bools]]
    """By score and phrasing, whether each item of the ability was right."""
    n_too_long: int
    """Items whose prompt leaves no room for an answer in the model's context; they count as wrong."""
    n_refused: int
    """Items whose conversation the chat template refuses; they count as wrong."""
    n_cut_off: int
    """Answers that did not end within their limit and therefore count as wrong."""

    def of_ability(self, ability: str, phrasing: str) -> npt.NDArray[np.float64]:
        """Each item's share of its ability's scores that are right, `(n_items,)`."""
        parts = [self.right[score][phrasing] for score in self.suite.abilities[ability].parts]
        shares: npt.NDArray[np.float64] = np.mean(parts, axis=0, dtype=np.float64)
        return shares


def score(
    model: Any,
    renderer: Renderer,
    suite: Suite,
    *,
    context_length: int,
    progress: Callable[[int, int], None] = lambda _n, _of: None,
    stopped: Callable[[], bool] = lambda: False,
) -> SuiteScores:
    """Answer all items of `suite`; use `suite.sample` for fewer.

    `progress(n, of)` counts items. Raises `Interrupted` once `stopped()` is true.
    """
    questions = _questions(renderer, suite)
    fitting = [question for question in questions if question.fits(context_length)]
    given = limited_answers(
        model,
        fitting,
        eos_ids=renderer.eos_ids,
        context_length=context_length,
        progress=lambda n: progress(n, len(fitting)),
        stopped=stopped,
    )
    said = {place: (answer.ended, renderer.read(answer.ids, reasoned=True)) for place, answer in given.items()}
    texts = {
        place: one.answer
        for place, (ended, one) in said.items()
        if (ended or one.has_ended or not suite.must_end) and not one.is_unfinished
    }
    return SuiteScores(
        suite=suite,
        right=_right(suite, texts),
        n_too_long=len(questions) - len(fitting),
        n_refused=len(suite.items) - len(questions),
        n_cut_off=len(given) - len(texts),
    )


def _questions(renderer: Renderer, suite: Suite) -> list[LimitedQuestion]:
    questions = []
    for place, item in enumerate(suite.items):
        try:
            prompt_ids = renderer.answer_prompt(item.messages, item.tools)
        except BadInput:
            continue  # counted as refused
        questions.append(LimitedQuestion(place, prompt_ids, limit(renderer, item.answer, suite.spare_tokens)))
    return questions


def _right(suite: Suite, texts: Mapping[int, str]) -> dict[str, dict[str, Bools]]:
    """Whether each item is right in each score of its ability; unanswered items are wrong."""
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
