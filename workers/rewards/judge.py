"""A reward model as the reward of a training: it reads a prompt with an answer, and gives the answer a score.

It has its own tokens, chat template and instruction, whatever the model that learns has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from templates import registry
from templates.errors import BadInput
from workers.evaluation.scoring import Scores
from workers.preferences.reward_model import RewardModel, never

Turns = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """The turns before an answer, and the tools that they offer."""

    turns: Turns
    tools: Turns = ()


@dataclass(frozen=True)
class Judge:
    """A reward model with its name."""

    name: str
    model: RewardModel

    def can_read(self, prompt: Prompt, max_new_tokens: int) -> bool:
        """Whether its chat template takes the prompt, and its context has room for so many tokens of an answer."""
        try:
            ids = self._ids(prompt, "")
        except BadInput:
            return False
        return len(ids) + max_new_tokens <= self.model.context_length

    def scores(
        self, prompts: Sequence[Prompt], answers: Sequence[str], stopped: Callable[[], bool] = never
    ) -> tuple[list[float], list[bool]]:
        """The score of each answer, and whether it was read to its end.

        An answer that has more tokens here than in the model that wrote it may not fit; it is read as far as it does.
        One that the chat template refuses is read as an empty one. Raises `Interrupted` once `stopped()` is true,
        `BadInput` for a prompt that it can't read.
        """
        rows = [self._read(prompt, answer) for prompt, answer in zip(prompts, answers, strict=True)]
        return self.model.scores_of_ids([ids for ids, _ in rows], stopped), [is_whole for _, is_whole in rows]

    def _read(self, prompt: Prompt, answer: str) -> tuple[Sequence[int], bool]:
        """The tokens that it reads, and whether they are the whole answer."""
        reads = self.model.context_length
        try:
            ids = self._ids(prompt, answer)
        except BadInput:  # the answer alone is at fault, or the empty one is refused too
            return self._ids(prompt, "")[:reads], False
        return ids[:reads], len(ids) <= reads

    def _ids(self, prompt: Prompt, answer: str) -> Sequence[int]:
        turns = [*prompt.turns, {"role": "assistant", "content": answer}]
        return self.model.rendered(turns, prompt.tools)


def scored(
    judge: Judge, shape: str, rows: Sequence[Mapping[str, Any]], found: Scores, stopped: Callable[[], bool]
) -> Scores:
    """The same with the score of each answer, without the answers to prompts that the reward model can't read.

    An answer that was cut off is scored as it stands, whoever gave it.
    """
    prompts = {one.index: _prompt(shape, rows[one.index]) for one in found.answers}
    told = [one for one in found.answers if judge.can_read(prompts[one.index], found.max_new_tokens)]
    scores, whole = judge.scores([prompts[one.index] for one in told], [one.given for one in told], stopped)
    answers = tuple(replace(one, score=score) for one, score in zip(told, scores, strict=True))
    return replace(found, answers=answers, n_unread=len(found.answers) - len(told), n_partly_read=whole.count(False))


def _prompt(shape: str, row: Mapping[str, Any]) -> Prompt:
    """What a held-out row asks: everything before its last answer."""
    declared = registry.shape(shape)
    turns = list(declared.messages(row)) if declared.messages else []
    if declared.has_answers:
        while turns and turns[-1]["role"] != "assistant":
            turns.pop()
        turns = turns[:-1]
    return Prompt(turns, tuple(declared.tools(row)))
