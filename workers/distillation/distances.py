"""How far a model is from the teacher on given examples, one forward pass in batches of similar length."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from templates.objectives.distill_logits import DistillLogitsParams
from workers import sharing
from workers.distillation import divergences
from workers.distillation.divergences import Targets
from workers.evaluation.generation import Interrupted, batches
from workers.evaluation.losses import LOGITS_AT_ONCE, ROWS_AT_ONCE, TOKENS_AT_ONCE, Floats
from workers.evaluation.predictions import first_counted, forward_arguments, predicted
from workers.evaluation.shared_prefix import shared_prefix
from workers.training.batches import Example

SHARE_IN_FULL = 0.01
FEWEST_IN_FULL = 8
MOST_BYTES = 64 * 1024 * 1024
"""Room for full distributions; with a large vocabulary fewer rows are kept in full."""


@dataclass(frozen=True)
class Against:
    """Examples, and the teacher's distributions at the learned tokens of some of them, by their places."""

    examples: Sequence[Example]
    targets: Callable[[Sequence[int]], Targets]


def kept_in_full(examples: Sequence[Any], vocab_size: int) -> list[Any]:
    """The examples to keep in full: one in a hundred, at least a few, evenly spaced."""
    n = min(len(examples), max(FEWEST_IN_FULL, math.ceil(SHARE_IN_FULL * len(examples))))
    spaced = np.linspace(0, len(examples) - 1, n).round().astype(int)
    room, kept = MOST_BYTES / (2 * vocab_size), list[Any]()
    for place in dict.fromkeys(spaced.tolist()):
        room -= examples[place].n_trained
        if kept and room < 0:
            break
        kept.append(examples[place])
    return kept


def losses(
    model: Any, against: Against, params: DistillLogitsParams, vocab_size: int, stopped: Callable[[], bool]
) -> Floats:
    """The training's own loss, summed over each example's learned tokens. Raises `Interrupted` once told to stop."""

    def of(logits: Tensor, labels: Tensor, targets: Targets) -> Tensor:
        return divergences.losses(logits, labels, targets, params)

    return _summed(model, against, of, vocab_size, stopped)


def forward_kl(
    model: Any, against: Against, params: DistillLogitsParams, vocab_size: int, stopped: Callable[[], bool]
) -> Floats:
    """Forward KL from the teacher, whatever divergence is trained, summed over each example's learned tokens."""
    plain = params.model_copy(update={"divergence": "forward_kl"})

    def of(logits: Tensor, _labels: Tensor, targets: Targets) -> Tensor:
        return divergences.distances(logits, targets, plain)

    return _summed(model, against, of, vocab_size, stopped)


@torch.inference_mode()
def _summed(
    model: Any,
    against: Against,
    of: Callable[[Tensor, Tensor, Targets], Tensor],
    vocab_size: int,
    stopped: Callable[[], bool],
) -> Floats:
    examples = against.examples
    sums = np.zeros(len(examples))
    pieces = [(one.ids, one.trained) for one in examples]
    takes, device, was_training = forward_arguments(model), next(model.parameters()).device, model.training
    at_once = min(TOKENS_AT_ONCE, max(1, LOGITS_AT_ONCE // int(model.config.get_text_config().vocab_size)))
    rows_at_once = ROWS_AT_ONCE if sharing.may_share(model) else 1
    model.eval()
    try:
        prefix = shared_prefix(model, [ids[: first_counted(flags)] for ids, flags in pieces])
        for group in batches([len(ids) for ids, _ in pieces], rows_at_once, at_once):
            if stopped():
                raise Interrupted
            logits, labels, counted = predicted(model, [pieces[place] for place in group], prefix, takes, device)
            targets = against.targets(group).to(device)
            found = of(logits[..., :vocab_size][counted], labels[counted], targets).double()
            ends = np.cumsum([0, *(examples[place].n_trained for place in group)])
            for row, place in enumerate(group):
                sums[place] = float(found[int(ends[row]) : int(ends[row + 1])].sum())
    finally:
        model.train(was_training)
    return sums
