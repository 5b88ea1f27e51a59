"""Distillation from a teacher with other tokens: see `workers/distillation/gold.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, Trainer
from transformers.trainer_callback import PrinterCallback

from templates.errors import BadInput, Problem
from templates.objectives.distill_gold import DistillGoldParams
from templates.quantities import plural
from workers.distillation import answers_in_two
from workers.distillation.answers_in_two import InTwo, Reader
from workers.distillation.gold import Gold
from workers.distillation.written_answers import with_rows
from workers.evaluation.measures import RowValues
from workers.training import batches
from workers.training.batches import Examples
from workers.training.setups import (
    TrainingData,
    TrainingSetup,
    refuse_nothing,
    remarks,
    sampled,
    training_arguments,
)

__all__ = ["set_up", "with_rows"]

ON_THE_CHART = 64


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if there is nothing to learn."""
    params, teacher = data.params, data.teacher
    assert isinstance(params, DistillGoldParams)
    assert teacher
    student, other = Reader(data.renderer, params.max_length), Reader(teacher.renderer, teacher.context_length)
    (train, differing), (selection, _), (held_out, _) = (
        answers_in_two.of_rows(student, other, data.shape, rows) for rows in (data.train, data.selection, data.held_out)
    )
    _refuse_differing(data, train, differing)
    refuse_nothing(data, train)
    gold = Gold(params, (student.renderer, other.renderer), teacher.model, train.kept)
    schedule = batches.Schedule(train.kept, params)

    def trainer(model: PreTrainedModel, folder: Path) -> Trainer:
        args = training_arguments(params, folder, schedule.n_updates, model)
        made = _Trainer(gold, params.ce_share, model=model, args=args, train_dataset=schedule, data_collator=_collate)
        made.remove_callback(PrinterCallback)
        return made

    def mean_loss(rows: Sequence[InTwo]) -> Callable[[PreTrainedModel, Callable[[], bool]], float] | None:
        if not rows:
            return None
        return lambda model, stopped: float(gold.of_rows(model, rows, stopped, ce_share=params.ce_share).mean())

    def measure_rows(model: PreTrainedModel, stopped: Callable[[], bool]) -> RowValues:
        found = np.full(len(data.held_out), np.nan)
        found[held_out.rows] = gold.of_rows(model, held_out.kept, stopped)
        return {"teacher_distance": found}

    def remarks_on(_model: PreTrainedModel, _stopped: Callable[[], bool]) -> list[str]:
        if not differing:
            return []
        what = f"{plural(len(differing), 'training row')} could not be compared (the first: row {differing[0]:,})"
        return [f"{what}: the chat templates of student and teacher write their answers differently."]

    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=mean_loss(sampled(held_out.kept)[:ON_THE_CHART]),
        selection_loss=mean_loss(selection.kept),
        remarks=remarks(data, train, held_out),
        remarks_on=remarks_on,
        measure_rows=measure_rows if held_out.kept else None,
    )


def _refuse_differing(data: TrainingData, train: Examples[InTwo], differing: Sequence[int]) -> None:
    if differing and not train.kept:
        what = (
            f"The chat templates of student and teacher write the answers in all {len(data.train):,} rows differently"
        )
        remedy = "Let the teacher write answers instead (distill_text), or choose another teacher."
        raise BadInput(Problem(f"{what}, so they can't be compared.", field="teacher", remedy=remedy))


def _collate(items: Sequence[Sequence[InTwo]]) -> dict[str, Any]:
    """A micro-batch of the schedule; the ids are for counting tokens."""
    lengths = torch.tensor([len(row.student.example.ids) for row in items[0]])
    mask = (torch.arange(int(lengths.max()))[None] < lengths[:, None]).long()
    return {"rows": items[0], "input_ids": mask, "attention_mask": mask}


class _Trainer(Trainer):  # type: ignore[misc]
    """Brings the model near its teacher, who reads each row beside it."""

    def __init__(self, gold: Gold, ce_share: float, **options: Any):
        super().__init__(**options)
        self._gold, self._ce_share = gold, ce_share

    def compute_loss(
        self, model: PreTrainedModel, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
    ) -> Tensor:
        """The mean over a step's rows."""
        if return_outputs:
            raise ValueError("held-out losses are measured by the callback")
        return self._gold.loss(model, inputs["rows"], ce_share=self._ce_share)
