"""Asks two models the same, out of sight: sides are drawn here, and both answers are stored before anybody sees one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from anyio import to_thread

from app import chat_client, chat_opening
from storage.data.splits import Side
from storage.models import User, Vote
from storage.votes import contenders, questions
from storage.votes.answers import SOURCES, TYPED, Answer
from storage.votes.contenders import Contender
from storage.votes.questions import Prompt
from templates.errors import BadInput, Problem


@dataclass(frozen=True)
class Round:
    """What is asked, and of whom."""

    models: Sequence[str]
    """Two or more, as `templates.at_strength` reads them; two are drawn for each question."""
    source: str = TYPED
    """One of `questions.SOURCES`."""
    prompt: str = ""
    """The text, if it is typed."""
    data: str = ""
    """The dataset, if its prompts are asked."""
    instruction: str = ""
    seed: int = 42
    temperature: float = 0.0
    max_new_tokens: int = 128

    @property
    def sampling(self) -> dict[str, Any]:
        """How both answer."""
        return {"seed": self.seed, "temperature": self.temperature, "max_new_tokens": self.max_new_tokens}


@dataclass(frozen=True)
class Asked:
    """A stored question with both answers."""

    vote: Vote
    n_left: int | None
    """Prompts of the dataset that these two haven't answered, without this one; None for a typed prompt."""


async def ask(user: User, round_: Round) -> Asked:
    """Draw two models and their sides, let both answer, and keep that.

    Raises `NotFound` and `BadInput` as `questions` does, and the chat server's refusals.
    """
    (left, right), prompt = await to_thread.run_sync(_drawn, user, round_)
    messages = questions.told(prompt, round_.instruction)
    labels_of = await to_thread.run_sync(chat_opening.labels_of, user, [left.said, right.said])
    sampling = {**round_.sampling, "labels_of": labels_of} if labels_of else round_.sampling
    both = [asyncio.create_task(_answer(user, one, messages, sampling)) for one in (left, right)]
    try:
        ours, theirs = await asyncio.gather(*both)
    finally:  # if one fails or nobody waits any more, the other one stops too
        for task in both:
            task.cancel()
    vote = await to_thread.run_sync(questions.keep, user, prompt, messages, ours, theirs, sampling)
    return Asked(vote, None if prompt.n_left is None else prompt.n_left - 1)


def _drawn(user: User, round_: Round) -> tuple[tuple[Contender, Contender], Prompt]:
    pair = questions.sides(user, round_.models)
    if round_.source not in SOURCES:
        what = f"“{round_.source[:40]}” is not a source of prompts."
        raise BadInput(Problem(what, field="source", remedy=f"Use {', '.join(SOURCES)}."))
    if round_.source == TYPED:
        return pair, questions.typed(round_.prompt)
    if not round_.data:
        raise BadInput(Problem("Choose the dataset whose prompts are asked.", field="dataset"))
    return pair, questions.from_dataset(user, round_.data, cast("Side", round_.source), pair)


async def _answer(
    user: User, model: Contender, messages: Sequence[chat_client.Message], sampling: Mapping[str, Any]
) -> Answer:
    text, reasoning, info = "", "", None
    async for one in chat_client.stream(model.said, messages, user=user, **sampling):
        if isinstance(one, chat_client.Info):
            info = one
        elif one.is_reasoning:
            reasoning += one.text
        else:
            text += one.text
    assert info is not None, "a stream ends with the facts about its answer"
    contenders.refuse_other(model, info.base_revision, info.weights_sha256)
    return Answer(model=model, text=text, reasoning=reasoning, finish_reason=info.finish_reason)
