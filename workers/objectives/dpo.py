"""Direct preference optimisation: TRL's trainer on rows from the studio's renderer.

TRL would tokenise the rows itself, cut where the prompt of one answer ends, and drop long rows; here
the tokens, and the flags for learned ones, are those of the preview.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PreTrainedModel, Trainer
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer

from templates import registry
from templates.objectives.dpo import DpoParams
from workers.evaluation.generation import Interrupted
from workers.training import batches
from workers.training.batches import Example, Pair
from workers.training.setups import (
    TrainingData,
    TrainingSetup,
    refuse_nothing,
    remarks,
    sampled,
    training_arguments,
)

REFERENCE = ("ref_chosen_logps", "ref_rejected_logps")
"""TRL's names for the reference's log probabilities of a pair's two answers."""


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no pair is left."""
    params = data.params
    assert isinstance(params, DpoParams)
    views = registry.objective(data.objective).views
    train, held_out, selection = (
        batches.render_pairs(data.renderer, data.shape, rows, views, max_length=params.max_length)
        for rows in (data.train, data.held_out, data.selection)
    )
    refuse_nothing(data, train)
    schedule = batches.Schedule(train.kept, params)
    made: list[_Trainer] = []

    def trainer(model: PreTrainedModel, folder: Path) -> Trainer:
        args = training_arguments(params, folder, schedule.n_updates, model, DPOConfig, **_of_dpo(params))
        made.append(_Trainer(model, args, schedule, train.kept, data.renderer.folder))
        return made[-1]

    def mean_loss(pairs: Sequence[Pair]) -> Callable[[PreTrainedModel, Callable[[], bool]], float] | None:
        def measure(_model: PreTrainedModel, stopped: Callable[[], bool]) -> float:
            return made[-1].mean_loss(pairs, params.per_device_train_batch_size, stopped)

        return measure if pairs else None

    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=mean_loss(sampled(held_out.kept)),
        selection_loss=mean_loss(selection.kept),
        remarks=remarks(data, train, held_out),
    )


def _of_dpo(params: DpoParams) -> dict[str, Any]:
    """The settings that only this objective has; the method's own dropout setting applies."""
    return {
        "beta": params.beta,
        "loss_type": list(params.loss_type),
        "loss_weights": list(params.loss_weights),
        "label_smoothing": params.label_smoothing,
        "precompute_ref_log_probs": params.precompute_ref_log_probs,
        "precompute_ref_batch_size": params.per_device_train_batch_size,
        "disable_dropout": False,
        "max_length": None,
    }


class _Trainer(DPOTrainer):  # type: ignore[misc]
    """TRL's trainer on token ids; its reference is the model with the adapter off."""

    train_dataset: Any

    def __init__(
        self,
        model: PreTrainedModel,
        args: DPOConfig,
        schedule: batches.Schedule[Pair],
        pairs: Sequence[Pair],
        tokenizer_folder: Path,
    ):
        tokenizer = AutoTokenizer.from_pretrained(str(tokenizer_folder), local_files_only=True)
        trained = {name: p.dtype for name, p in model.named_parameters() if p.requires_grad}
        self._pairs = pairs
        self._reference: Mapping[str, Sequence[float]] = {}
        super().__init__(
            model=model,
            args=args,
            train_dataset=Dataset.from_dict({"number": list(range(len(pairs)))}),
            data_collator=self._collate,
            processing_class=tokenizer,
        )
        model.delete_adapter("ref")  # TRL's copy of the fresh adapter; switching the adapter off does the same
        for name, parameter in model.named_parameters():
            if name in trained:  # which TRL halves on a quantized base
                parameter.data = parameter.data.to(trained[name])
        if args.precompute_ref_log_probs:
            self._reference = {name: list(self.train_dataset[name]) for name in REFERENCE}
        self.train_dataset = schedule
        self.remove_callback(PrinterCallback)

    def mean_loss(self, pairs: Sequence[Pair], at_once: int, stopped: Callable[[], bool]) -> float:
        """The loss on held-out pairs. Raises `Interrupted` once `stopped()` is true."""
        total = 0.0
        for start in range(0, len(pairs), at_once):
            if stopped():
                raise Interrupted
            some = pairs[start : start + at_once]
            with torch.no_grad(), self.compute_loss_context_manager():
                inputs = self._prepare_inputs(_padded(some, self._pad_id))
                if self.precompute_ref_logps:
                    inputs |= dict(zip(REFERENCE, self.compute_ref_log_probs(self.model, inputs), strict=True))
                total += len(some) * float(self.compute_loss(self.model, inputs))
        self._metrics["eval"].clear()
        return total / len(pairs)

    @property
    def _pad_id(self) -> int:
        return int(self._tokenizer.pad_token_id)

    def _collate(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        """A micro-batch of the schedule, or rows for which TRL computes the reference."""
        pairs = items[0] if isinstance(items[0], list) else [self._pairs[item["number"]] for item in items]
        batch = _padded(pairs, self._pad_id)
        for name, values in self._reference.items():
            batch[name] = torch.tensor([values[pair.number] for pair in pairs])
        return batch

    def _prepare_dataset(self, dataset: Dataset, *_others: Any) -> Dataset:
        """Return the dataset as it is."""
        return dataset

    def _save_checkpoint(self, model: PreTrainedModel, trial: Any) -> None:
        """Save without TRL's model card."""
        Trainer._save_checkpoint(self, model, trial)


def _padded(pairs: Sequence[Pair], pad_id: int) -> dict[str, torch.Tensor]:
    """As `trl.trainer.dpo_trainer.DataCollatorForPreference` pads: chosen sides, then rejected ones, on the right."""
    sides: list[Example] = [*(pair.chosen for pair in pairs), *(pair.rejected for pair in pairs)]
    shape = len(sides), max(len(side.ids) for side in sides)
    ids = torch.full(shape, pad_id, dtype=torch.long)
    mask, learned = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for row, side in enumerate(sides):
        n_tokens = len(side.ids)
        ids[row, :n_tokens], mask[row, :n_tokens] = torch.tensor(side.ids), 1
        learned[row, :n_tokens] = torch.tensor(side.trained, dtype=torch.long)
    return {"input_ids": ids, "attention_mask": mask, "completion_mask": learned}
