"""What a model predicts for given tokens, in one pass over a batch."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from workers.evaluation.padding import pad_left
from workers.evaluation.shared_prefix import SharedPrefix

Piece = tuple[Sequence[int], Sequence[bool]]
"""Token ids, and a flag for each that counts: in a row, those that are trained. The first never counts: nothing
predicts it, also not the padding before a shorter row."""


def predicted(
    model: Any, pieces: Sequence[Piece], prefix: SharedPrefix, takes: frozenset[str], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits in 32 bits `(rows, time, vocabulary)`, the tokens that follow, and which of them count `(rows, time)`.

    `time` covers the tokens from the first that counts in any row; `takes` is `forward_arguments(model)`.
    """
    batch = prefix.batch([piece[0] for piece in pieces], 0, device)
    counts = [[int(flag and place > 0) for place, flag in enumerate(piece[1])] for piece in pieces]
    flags, _ = pad_left([flags[prefix.n_tokens :] for flags in counts], 0, device)
    arguments: dict[str, Any] = {"input_ids": batch.rests, "attention_mask": batch.mask}
    if batch.cache is not None:
        arguments["past_key_values"] = batch.cache
    elif "use_cache" in takes:
        arguments["use_cache"] = False
    if "position_ids" in takes:
        arguments["position_ids"] = batch.positions
    # Padding stands on the left, so the rows end together and only the last `keep` positions
    # need logits; they predict the tokens one to their right.
    keep = max(len(piece[1]) - first_counted(piece[1]) for piece in pieces) + 1
    if "logits_to_keep" in takes:
        arguments["logits_to_keep"] = keep
    logits = model(**arguments).logits[:, -keep:-1].float()
    return logits, batch.rests[:, 1 - keep :], flags[:, 1 - keep :].bool()


def forward_arguments(model: Any) -> frozenset[str]:
    """The names of the arguments that the model's forward pass takes."""
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    return frozenset(inspect.signature(core.forward).parameters)


def first_counted(counts: Sequence[bool]) -> int:
    """Index of the first token that counts and has a token before it."""
    return next(place for place, is_counted in enumerate(counts) if is_counted and place > 0)
