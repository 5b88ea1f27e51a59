"""Self-distillation: the teacher is the base behind the adapter, which is shown the row's answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from transformers import PreTrainedModel

from workers.distillation import own_answers
from workers.training.setups import TrainingData, TrainingSetup

SHOWN = "{question}\n\nA good answer to this is:\n{answer}\n\nNow give your own answer."


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no prompt leaves room for an answer."""
    return own_answers.set_up(data, _base_behind, shown=with_answer)


@contextmanager
def _base_behind(student: PreTrainedModel) -> Iterator[PreTrainedModel]:
    with student.disable_adapter():
        yield student


def with_answer(turns: Sequence[Mapping[str, Any]], answer: str) -> list[dict[str, Any]]:
    """The turns with the answer in the last question."""
    *before, question = turns
    told = SHOWN.format(question=question["content"], answer=answer)
    return [*map(dict, before), {**question, "content": told}]
