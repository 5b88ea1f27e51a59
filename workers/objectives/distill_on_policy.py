"""Distillation on the student's own answers, with another model as the teacher: see `workers/distillation/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers import PreTrainedModel

from workers.distillation import own_answers
from workers.distillation.written_answers import with_rows
from workers.training.setups import TrainingData, TrainingSetup

__all__ = ["set_up", "with_rows"]


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no prompt leaves room for an answer."""
    teacher = data.teacher
    assert teacher

    @contextmanager
    def taught_by(_student: PreTrainedModel) -> Iterator[PreTrainedModel]:
        yield teacher.model()

    return own_answers.set_up(data, taught_by, vocab_size=teacher.vocab_size)
