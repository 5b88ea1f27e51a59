"""The prompts of a training on rewarded answers, and what checks compare the answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from templates import registry
from templates.errors import BadInput, Problem
from templates.rewards import RewardedParams
from templates.turns import said
from workers.rewards.checked import passable
from workers.rewards.judge import Prompt
from workers.training.setups import TrainingData


@dataclass(frozen=True, slots=True)
class Asked:
    """A row's prompt."""

    ids: Sequence[int]
    text: str
    """Its last turn, for people."""
    reference: str
    """The row's own answer; "" without one."""
    row: int
    """Its index among the rows given."""
    prompt: Prompt
    """Its turns and tools, for a reward model."""


def of_rows(data: TrainingData, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Asked], list[int], list[int]]:
    """The prompts that leave room for an answer, also in a reward model, the numbers of the rows that have none, and of
    those that no answer could pass."""
    params, shape = data.params, registry.shape(data.shape)
    assert isinstance(params, RewardedParams)
    assert shape.messages
    kept, refused, hopeless = list[Asked](), list[int](), list[int]()
    room = data.context_length - params.max_completion_length if data.context_length else params.max_length
    for index, row in enumerate(rows):
        turns = shape.messages(row)
        answer = turns.pop() if turns and turns[-1]["role"] == "assistant" else None
        reference = data.renderer.reasoning.split_text(said(answer)).strip() if answer else ""
        prompt = Prompt(turns, tuple(shape.tools(row)))
        try:
            ids = data.renderer.answer_prompt(turns, prompt.tools) if turns else []
        except BadInput:
            ids = []
        is_judged = data.reward is None or data.reward.can_read(prompt, params.max_completion_length)
        if not ids or len(ids) > min(params.max_length, room) or not is_judged:
            refused.append(int(row["source_row"]))
        elif not passable(params.picked, reference):
            hopeless.append(int(row["source_row"]))
        else:
            kept.append(Asked(ids, said(turns[-1]), reference, index, prompt))
    return kept, refused, hopeless


def refuse_nothing(data: TrainingData, asked: Sequence[Asked], hopeless: Sequence[int]) -> None:
    """Raises `BadInput` if no prompt is left."""
    if asked:
        return
    if hopeless:
        what = "No training row has an answer that the checks can compare with."
        raise BadInput(
            Problem(what, field="verifiers", remedy="Choose other checks, or other data."), code="nothing_to_learn"
        )
    longest = data.params.max_length
    what = f"None of the {len(data.train):,} training rows has a prompt of at most {longest:,} tokens that leaves room."
    remedy = (
        "Raise the longest prompt (max_length), lower the longest answer (max_completion_length), or shorten the "
        "prompts."
    )
    raise BadInput(Problem(what, field="max_length", remedy=remedy), code="nothing_to_learn")
