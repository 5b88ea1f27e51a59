"""One pass of a model over several rows at once, for rows whose last tokens are what matters."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from workers.evaluation.generation import pad_left

LOGITS_AT_ONCE = 64 * 1024 * 1024
"""Logits of one batch (256 MB in float32): a vocabulary of 150,000 would else fill the memory."""


def vocabulary(model: Any) -> int:
    """Logits of one position."""
    return int(model.config.get_text_config().vocab_size)


def last_logits(model: Any, rows: Sequence[Sequence[int]], keep: int) -> torch.Tensor:
    """What follows each of the last `keep` tokens of every row, `(rows, keep, vocabulary)` in float32."""
    # Padding stands on the left, so that the rows end together.
    ids, mask = pad_left(rows, 0, next(model.parameters()).device)
    takes = _arguments(model)
    arguments: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    if "use_cache" in takes:
        arguments["use_cache"] = False
    if "position_ids" in takes:
        arguments["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    if "logits_to_keep" in takes:
        arguments["logits_to_keep"] = keep
    logits: torch.Tensor = model(**arguments).logits[:, -keep:].float()
    return logits


def _arguments(model: Any) -> frozenset[str]:
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    return frozenset(inspect.signature(core.forward).parameters)
