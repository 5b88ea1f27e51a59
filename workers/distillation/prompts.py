"""The prompts of a training on own answers, as student and teacher read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import BadInput, Problem
from templates.own_answers import OwnAnswersParams
from workers.training.setups import TrainingData

Shown = Callable[[Sequence[Mapping[str, Any]], str], list[dict[str, Any]]]
"""Makes of a row's turns and its answer the turns that the teacher reads."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A row's prompt, as the student and as the teacher reads it."""

    ids: Sequence[int]
    shown: Sequence[int]
    row: int
    """Its index among the rows given."""


def of_rows(
    data: TrainingData,
    rows: Sequence[Mapping[str, Any]],
    shown: Shown | None,
) -> tuple[list[Prompt], list[int]]:
    """The prompts that leave room for an answer, and the numbers of the other rows."""
    params, renderer, shape = data.params, data.renderer, registry.shape(data.shape)
    assert isinstance(params, OwnAnswersParams)
    assert shape.messages
    kept, refused = list[Prompt](), list[int]()
    for index, row in enumerate(rows):
        turns = shape.messages(row)
        answer = turns[-1] if turns and turns[-1]["role"] == "assistant" else None
        asked = turns[:-1] if answer else turns
        try:
            ids = _rendered(renderer, asked, shape.tools(row))
            told = shown(asked, str(answer["content"])) if shown and answer else asked
            of_teacher = _rendered(renderer, told, shape.tools(row)) if told is not asked else ids
        except BadInput:
            ids, of_teacher = [], []
        if not ids or max(len(ids), len(of_teacher)) > params.max_length or (shown and not answer):
            refused.append(int(row["source_row"]))
        else:
            kept.append(Prompt(ids, of_teacher, index))
    return kept, refused


def _rendered(renderer: Renderer, turns: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> list[int]:
    return renderer.prompt(turns, tools) if turns else []


def refuse_nothing(data: TrainingData, train: Sequence[Prompt]) -> None:
    if not train:
        what = (
            f"None of the {len(data.train):,} training rows has a prompt of at most {data.params.max_length:,} tokens."
        )
        remedy = "Raise the maximum row length (max_length), or shorten the prompts."
        raise BadInput(Problem(what, field="max_length", remedy=remedy), code="nothing_to_learn")
