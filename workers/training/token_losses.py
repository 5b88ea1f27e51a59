"""Next-token losses other than the plain one: weighted by probability, and near the base on replayed rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, Trainer

from templates.next_token import KL, KL_METRIC, NextTokenParams
from templates.spec import TrainingParams
from workers.training.batches import IGNORED, Example, ReplayedExample

Collate = Callable[[Sequence[Sequence[Example]]], dict[str, Any]]
REPLAYED = "replayed"
"""In a batch: which of its rows are replayed, `(rows,)`."""


def trainer(params: TrainingParams, *, data_collator: Collate, **options: Any) -> Trainer:
    """A trainer with the loss that the settings ask for. The plain one leaves its loss to the model."""
    if not isinstance(params, NextTokenParams) or not (params.is_dynamic or params.kl_coef):
        return Trainer(data_collator=data_collator, **options)
    return TokenLossTrainer(params, data_collator=_marking(data_collator), **options)


def sentences(params: TrainingParams) -> list[str]:
    """Remarks for the verdict on what replayed rows were for."""
    if not isinstance(params, NextTokenParams) or not params.kl_coef:
        return []
    return [
        "Replayed rows were not learned as they stand: they held the model near the base’s own probabilities "
        f"({KL} {params.kl_coef:g})."
    ]


def _marking(collate: Collate) -> Collate:
    def marked(items: Sequence[Sequence[Example]]) -> dict[str, Any]:
        replayed = torch.tensor([isinstance(example, ReplayedExample) for example in items[0]])
        return {**collate(items), REPLAYED: replayed}

    return marked


class TokenLossTrainer(Trainer):  # type: ignore[misc]
    """Adds up the losses of single tokens, and divides them by the number of learned tokens of the update.

    With `kl_coef`, a token of a replayed row adds that weight times KL(base ‖ model), in place of its own loss.
    """

    def __init__(self, params: NextTokenParams, **options: Any):
        super().__init__(**options)
        self._params = params
        self._kl_sum, self._kl_tokens = 0.0, 0
        self.model_accepts_loss_kwargs = True  # the loss below is a mean over all steps of an update

    def compute_loss(
        self,
        model: PreTrainedModel,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        if return_outputs:
            raise ValueError("held-out losses are measured by the callback")
        given = dict(inputs)
        replayed, labels = given.pop(REPLAYED), given.pop("labels")
        wanted, learned = labels[:, 1:], labels[:, 1:] != IGNORED
        logits = _logits(model, given, labels.shape[1])
        if not self._params.kl_coef:
            replayed = torch.zeros_like(replayed)
        as_they_stand = learned & ~replayed[:, None]
        total = nll(logits[as_they_stand].float(), wanted[as_they_stand], dynamic=self._params.is_dynamic).sum()
        if replayed.any():
            total = total + self._params.kl_coef * self._distances(model, given, logits, replayed, learned).sum()
        return total / (num_items_in_batch if num_items_in_batch is not None else learned.sum().clamp(min=1))

    def _distances(
        self, model: PreTrainedModel, given: dict[str, Any], logits: Tensor, replayed: Tensor, learned: Tensor
    ) -> Tensor:
        """KL(base ‖ model) at each learned token of the replayed rows, `(tokens,)`."""
        some = {name: value[replayed] if isinstance(value, Tensor) else value for name, value in given.items()}
        places = learned[replayed]
        with torch.no_grad(), _base_behind(model):
            log_p = _logits(model, some, learned.shape[1] + 1)[places].float().log_softmax(-1)
        log_q = logits[replayed][places].float().log_softmax(-1)
        found = functional.kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)
        self._kl_sum += float(found.detach().sum())
        self._kl_tokens += len(found)
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the mean distance since the last time."""
        if self._kl_tokens:
            logs[KL_METRIC.key] = self._kl_sum / self._kl_tokens
            self._kl_sum, self._kl_tokens = 0.0, 0
        super().log(logs, start_time)


def nll(logits: Tensor, wanted: Tensor, *, dynamic: bool) -> Tensor:
    """Each token's negative log likelihood, `(tokens,)`; if `dynamic`, times its probability, which gets no gradient.

    Dynamic fine-tuning: Wu et al. 2025, arXiv 2508.05629, equation 9; TRL has it inside its trainer only.
    """
    found = functional.cross_entropy(logits, wanted, reduction="none")
    return found * (-found).exp().detach() if dynamic else found


def _logits(model: PreTrainedModel, given: dict[str, Any], n_labels: int) -> Tensor:
    """What the model predicts for every label but the first, `(rows, labels - 1, vocabulary)`."""
    logits: Tensor = model(**given).logits
    return logits[:, -n_labels:-1]  # virtual tokens come first, and have no labels


@contextmanager
def _base_behind(model: PreTrainedModel) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        with model.disable_adapter():
            yield
    finally:
        model.train(was_training)
