"""Distillation from a teacher's probabilities, which are read once and kept: see `workers/distillation/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, Trainer
from transformers.trainer_callback import PrinterCallback

from templates.objectives.distill_logits import STAGE, DistillLogitsParams
from workers.distillation import divergences
from workers.distillation.divergences import Targets
from workers.distillation.taught_examples import TaughtExamples
from workers.distillation.written_answers import with_rows
from workers.evaluation.measures import RowValues
from workers.training import batches
from workers.training.batches import IGNORED
from workers.training.setups import (
    TrainingData,
    TrainingSetup,
    refuse_nothing,
    remarks,
    sampled,
    training_arguments,
)

__all__ = ["set_up", "with_rows"]


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if there is nothing to learn."""
    params, teacher = data.params, data.teacher
    assert isinstance(params, DistillLogitsParams)
    assert teacher
    train, selection, held_out = (
        batches.render(data.renderer, data.shape, rows, max_length=params.max_length, trains_prompt=False)
        for rows in (data.train, data.selection, data.held_out)
    )
    refuse_nothing(data, train)
    taught = TaughtExamples(params, teacher, [*train.kept, *selection.kept, *held_out.kept], data.job_id)
    ends = len(train.kept), len(train.kept) + len(selection.kept)
    judged_on = taught.examples[ends[1] :]
    schedule = batches.Schedule(taught.examples[: ends[0]], params)

    def trainer(model: PreTrainedModel, folder: Path) -> Trainer:
        args = training_arguments(params, folder, schedule.n_updates, model)
        collate = taught.collator(model, data.renderer.eos_ids[0])
        made = _Trainer(taught, model=model, args=args, train_dataset=schedule, data_collator=collate)
        made.remove_callback(PrinterCallback)
        return made

    def measure_rows(model: PreTrainedModel, stopped: Callable[[], bool]) -> RowValues:
        return {"teacher_distance": taught.of_rows(model, judged_on, held_out.rows, len(data.held_out), stopped)}

    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=taught.mean_loss(sampled(judged_on)),
        selection_loss=taught.mean_loss(taught.examples[ends[0] : ends[1]]),
        remarks=remarks(data, train, held_out),
        beforehand={STAGE: taught.read},
        remarks_on=taught.remarks_on,
        measure_rows=measure_rows if judged_on else None,
    )


class _Trainer(Trainer):  # type: ignore[misc]
    """Brings the model near the teacher's distributions at the learned tokens, in one pass through the model."""

    def __init__(self, taught: TaughtExamples, **options: Any):
        super().__init__(**options)
        self._taught = taught
        self.model_accepts_loss_kwargs = True  # the loss below is a mean over all steps of an update

    def compute_loss(
        self,
        model: PreTrainedModel,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        if return_outputs:
            raise ValueError("held-out losses are measured by the callback")
        given = dict(inputs)
        targets, labels = Targets.taken_from(given), given.pop("labels")[:, 1:]
        learned = labels != IGNORED
        logits = model(**given).logits[:, :-1]
        places = logits[..., : self._taught.vocab_size][learned].float()
        total = divergences.losses(places, labels[learned], targets, self._taught.params).sum()
        return total / (num_items_in_batch if num_items_in_batch is not None else learned.sum().clamp(min=1))
