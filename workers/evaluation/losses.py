"""The loss of rows that are given: one forward pass, in batches of rows of similar length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from templates.errors import StudioError
from workers import sharing
from workers.evaluation.generation import Interrupted, batches
from workers.evaluation.predictions import Piece, first_counted, forward_arguments, predicted
from workers.evaluation.shared_prefix import SharedPrefix, shared_prefix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
ROWS_AT_ONCE = 32
TOKENS_AT_ONCE = 8192
LOGITS_AT_ONCE = 64 * 1024 * 1024
"""Logits per batch (256 MB in float32); otherwise a vocabulary of 150,000 would fill the memory."""


@torch.inference_mode()
def losses(
    model: Any,
    rows: Sequence[Sequence[Piece]],
    *,
    progress: Callable[[int], None] = lambda _n: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Floats, Ints]:
    """Summed negative log likelihood and number of trained tokens of each row.

    A row is one or more pieces `(ids, trained)`. The first token of a piece has no context and
    doesn't count.
    """
    nll, n_tokens = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    flat = [(index, piece) for index, row in enumerate(rows) for piece in row if any(piece[1][1:])]
    device, was_training = next(model.parameters()).device, model.training
    takes = forward_arguments(model)
    vocabulary = int(model.config.get_text_config().vocab_size)
    n_done = 0
    at_once = min(TOKENS_AT_ONCE, max(1, LOGITS_AT_ONCE // vocabulary))
    rows_at_once = ROWS_AT_ONCE if sharing.may_share(model) else 1
    # the token before the first trained one predicts it, so it can't be in the prefix
    prefix = shared_prefix(model, [piece[0][: first_counted(piece[1])] for _, piece in flat])
    model.eval()
    try:
        for group in batches([len(piece[0]) for _, piece in flat], rows_at_once, at_once):
            if stopped():
                raise Interrupted
            sums = _batch_nll(model, [flat[place][1] for place in group], prefix, takes, device)
            for place, row_nll in zip(group, sums, strict=True):
                index, (_, trained) = flat[place]
                nll[index] += row_nll
                n_tokens[index] += sum(trained[1:])
            n_done += len(group)
            progress(n_done * len(rows) // len(flat))
    finally:
        model.train(was_training)
    _refuse_not_numbers(nll)
    return nll, n_tokens


def _batch_nll(
    model: Any, pieces: Sequence[Piece], prefix: SharedPrefix, takes: frozenset[str], device: torch.device
) -> list[float]:
    logits, targets, counted = predicted(model, pieces, prefix, takes, device)
    nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    sums: list[float] = torch.where(counted, nll, 0.0).double().sum(dim=1).tolist()
    return sums


def _refuse_not_numbers(nll: Floats) -> None:
    if not np.isfinite(nll).all():
        raise StudioError(
            f"The model's loss is not a number on {int((~np.isfinite(nll)).sum())} of {len(nll)} held-out rows.",
            code="not_a_number",
            remedy="Train again with a lower learning rate.",
        )
