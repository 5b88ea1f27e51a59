"""A demonstration's setup: two models, sizes and seeds, and functions to ask and score a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from storage.bases import checkpoint_headers
from storage.gallery import suites
from storage.gallery.suites import Suite
from storage.rendering.renderer import Renderer
from templates.spec import BaseFacts
from templates.spec.suite import Phrasing
from workers import models
from workers.evaluation import suite, suite_verdict
from workers.evaluation.limited_answers import LimitedQuestion, limit, limited_answers
from workers.evaluation.suite import Bools, SuiteScores
from workers.workshop.bench.outcome import Forgotten, Outcome
from workers.workshop.world.ability import Example
from workers.workshop.world.draw import Draw
from workers.workshop.world.facts import world

N_SUITE_ITEMS = 20
"""Items of each ability: about 360 in total, for a paired mean accurate to about two points."""
FEWEST = 4


@dataclass(frozen=True)
class Demonstration:
    """A file of `workers/workshop/bench/demonstrations/` exports one as `SPEC`; its docstring says what it shows."""

    title: str
    run: Callable[[Setup], Outcome]
    key: str = ""
    page: str = ""


@dataclass(frozen=True)
class Question:
    """A question to a model and its right answer; `part` extracts the part of an answer that is compared."""

    messages: Sequence[dict[str, str]]
    answer: str
    part: Callable[[str], str] = str.strip
    tools: Sequence[dict[str, Any]] = ()

    @classmethod
    def of(cls, example: Example, part: Callable[[str], str] = str.strip) -> Question:
        """A conversation's last answer, and everything before it."""
        return cls(example.messages[:-1], example.answer, part, example.tools)

    def right(self, given: str | None) -> bool:
        """Whether an answer is right; None is an answer that did not end."""
        return given is not None and self.part(given) == self.part(self.answer)


@dataclass(frozen=True)
class ModelFiles:
    """A model's files, and what is read from them without loading it."""

    folder: Path

    @cached_property
    def renderer(self) -> Renderer:
        return Renderer(self.folder)

    @cached_property
    def facts(self) -> BaseFacts:
        return checkpoint_headers.facts(self.folder)


@dataclass
class Setup:
    """Models, sizes, and the way to ask models. One setup serves all demonstrations of a run."""

    small: ModelFiles
    """The default base, and the teacher."""
    nano: ModelFiles
    """The student."""
    folder: Path
    """Folder for files that last as long as the run."""
    seed: int = 0
    share: float = 1.0
    """Share of every demonstration's rows; less than 1 for a quick look."""
    threads: int = 1
    say: Callable[[str], None] = lambda _line: None
    _base_scores: dict[tuple[Path, str], SuiteScores] = field(default_factory=dict)

    def n(self, rows: int) -> int:
        """`rows`, scaled by this setup's share."""
        return max(FEWEST, round(self.share * rows))

    def random(self, what: str) -> Random:
        """A separate stream of random numbers for each `what`."""
        return Random(f"{self.seed} {what}")

    def draw(self, what: str, number: int | None = None, phrasing: Phrasing = "known") -> Draw:
        """Draws from the small world; with a `number`, texts that no corpus contains."""
        return Draw(self.random(f"{what} {number}"), world(), phrasing, number)

    def load(self, files: ModelFiles) -> Any:
        """The untouched model, in eval mode."""
        return models.load_base(files.folder)

    def answers(self, model: Any, files: ModelFiles, questions: Sequence[Question]) -> list[str | None]:
        """Greedy answers; None for one that did not end, or whose question is longer than the context."""
        asked = [
            LimitedQuestion(
                place, files.renderer.prompt(question.messages, question.tools), limit(files.renderer, question.answer)
            )
            for place, question in enumerate(questions)
        ]
        context_length = files.facts.context_length
        given = limited_answers(
            model,
            [question for question in asked if question.fits(context_length)],
            eos_ids=files.renderer.eos_ids,
            context_length=context_length,
        )
        found: list[str | None] = [None] * len(questions)
        for place, answer in given.items():
            found[place] = files.renderer.decode(answer.ids).strip() if answer.ended else None
        return found

    def right(self, model: Any, files: ModelFiles, questions: Sequence[Question]) -> Bools:
        """Whether a model answers each question right, `(n_questions,)`."""
        return right(questions, self.answers(model, files, questions))

    def forgetting(self, files: ModelFiles, model: Any, ignoring: str = "") -> Forgotten:
        """General abilities of `model` against the untouched model; answers count without `ignoring` before them."""
        asked = self.suite if not ignoring else self._suite(ignoring)
        before = self._base_scores.get((files.folder, asked.sha256))
        if before is None:
            self.say(f"general suite, {len(asked.items)} items, before")
            before = self._base_scores[files.folder, asked.sha256] = self._scored(self.load(files), files, asked)
        self.say(f"general suite, {len(asked.items)} items, after")
        after = self._scored(model, files, asked)
        return Forgotten.of(len(asked.items), suite_verdict.judge(before, after))

    def _scored(self, model: Any, files: ModelFiles, asked: Suite) -> SuiteScores:
        return suite.score(model, files.renderer, asked, context_length=files.facts.context_length)

    @property
    def suite(self) -> Suite:
        """The items that show general abilities."""
        return self._suite("")

    def _suite(self, ignoring: str) -> Suite:
        """Items in known phrasing, so that they measure abilities that the model had before."""
        whole = suites.get("general")
        known = dataclasses.replace(whole, items=tuple(item for item in whole.items if item.phrasing == "known"))
        sample = known.sample(self.n(N_SUITE_ITEMS), self.seed)
        without = {
            key: dataclasses.replace(
                ability, parts={name: _without(ignoring, part) for name, part in ability.parts.items()}
            )
            for key, ability in sample.abilities.items()
        }
        return dataclasses.replace(sample, abilities=without)


def _without(prefix: str, part: Callable[[str], str]) -> Callable[[str], str]:
    return lambda answer: part(answer.removeprefix(prefix))


def right(questions: Sequence[Question], given: Sequence[str | None]) -> Bools:
    """Whether each given answer is right, `(n_questions,)`."""
    return np.array([q.right(answer) for q, answer in zip(questions, given, strict=True)], dtype=np.bool_)
