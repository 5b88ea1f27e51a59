"""Direct preference optimisation: TRL's trainer on rows from the studio's renderer.

TRL would tokenise the rows itself, cut where the prompt of one answer ends, and drop long rows; here
the tokens, and the flags for learned ones, are those of the preview.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from trl import DPOConfig, DPOTrainer

from templates.objectives.dpo import DpoParams
from workers.preferences.set_up import on_pairs
from workers.preferences.trainers import OnTokens
from workers.training.setups import TrainingData, TrainingSetup

REFERENCE = ("ref_chosen_logps", "ref_rejected_logps")
"""TRL's names for the reference's log probabilities of a pair's two answers."""


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no pair is left."""
    params = data.params
    assert isinstance(params, DpoParams)
    return on_pairs(data, _Trainer, DPOConfig, _of_dpo(params))


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


class _Trainer(OnTokens, DPOTrainer):  # type: ignore[misc]
    """TRL's trainer on token ids; its reference is the model with the adapter off."""

    _reference: Mapping[str, Sequence[float]] = {}

    def n_read_before(self, args: DPOConfig) -> int:
        """All pairs, if the reference reads them once."""
        return len(self.items) if args.precompute_ref_log_probs else 1

    def read_before(self) -> None:
        """Keep what the reference said."""
        if self.precompute_ref_logps:
            self._reference = {name: list(self.train_dataset[name]) for name in REFERENCE}

    def collate(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        """A micro-batch of the schedule, or rows for which TRL computes the reference."""
        pairs = items[0] if isinstance(items[0], list) else [self.items[item["number"]] for item in items]
        batch = self.padded(pairs)
        for name, values in self._reference.items():
            batch[name] = torch.tensor([values[pair.number] for pair in pairs])
        return batch

    def batch_loss(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """The loss of held-out pairs, which the reference has not read before."""
        if self.precompute_ref_logps:
            inputs |= dict(zip(REFERENCE, self.compute_ref_log_probs(self.model, inputs), strict=True))
        return super().batch_loss(inputs)
