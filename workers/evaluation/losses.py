"""The loss of rows that are given: one forward pass, in batches of rows of similar length."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from templates.errors import StudioError
from workers import sharing
from workers.evaluation.generation import Interrupted, batches
from workers.evaluation.padding import pad_left
from workers.evaluation.shared_prefix import SharedPrefix, shared_prefix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Piece = tuple[Sequence[int], Sequence[bool]]
"""Token ids, and a flag for each that is trained."""
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
    takes = _forward_arguments(model)
    vocabulary = int(model.config.get_text_config().vocab_size)
    n_done = 0
    at_once = min(TOKENS_AT_ONCE, max(1, LOGITS_AT_ONCE // vocabulary))
    rows_at_once = ROWS_AT_ONCE if sharing.may_share(model) else 1
    # the token before the first trained one predicts it, so it can't be in the prefix
    prefix = shared_prefix(model, [piece[0][: _first_trained(piece[1])] for _, piece in flat])
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
    batch = prefix.batch([piece[0] for piece in pieces], 0, device)
    trained, _ = pad_left([[int(t) for t in piece[1][prefix.n_tokens :]] for piece in pieces], 0, device)
    arguments: dict[str, Any] = {"input_ids": batch.rests, "attention_mask": batch.mask}
    if batch.cache is not None:
        arguments["past_key_values"] = batch.cache
    elif "use_cache" in takes:
        arguments["use_cache"] = False
    if "position_ids" in takes:
        arguments["position_ids"] = batch.positions
    # Padding stands on the left, so the answers end together and only the last `keep` positions
    # need logits; they predict the tokens one to their right.
    keep = max(len(piece[1]) - _first_trained(piece[1]) for piece in pieces) + 1
    if "logits_to_keep" in takes:
        arguments["logits_to_keep"] = keep
    logits = model(**arguments).logits[:, -keep:-1].float()
    targets, counted = batch.rests[:, 1 - keep :], trained[:, 1 - keep :].bool()
    nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    sums: list[float] = torch.where(counted, nll, 0.0).double().sum(dim=1).tolist()
    return sums


def _first_trained(trained: Sequence[bool]) -> int:
    """Index of the first trained token that has a token before it."""
    return next(place for place, is_trained in enumerate(trained) if is_trained and place > 0)


def _forward_arguments(model: Any) -> frozenset[str]:
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    return frozenset(inspect.signature(core.forward).parameters)


def _refuse_not_numbers(nll: Floats) -> None:
    if not np.isfinite(nll).all():
        raise StudioError(
            f"The model's loss is not a number on {int((~np.isfinite(nll)).sum())} of {len(nll)} held-out rows.",
            code="not_a_number",
            remedy="Train again with a lower learning rate.",
        )
