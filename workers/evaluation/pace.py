"""How long models take to read the same number of tokens, so that they can be compared."""

from __future__ import annotations

import time

import torch
from transformers import PreTrainedModel

N_ROWS, N_TOKENS, TRIES = 4, 64, 5


@torch.inference_mode()
def pass_seconds(model: PreTrainedModel, context_length: int) -> float:
    """The shortest of a few times for one pass over `N_ROWS` rows, whatever their tokens say.

    On a processor, time that it works for this process: the two models are timed minutes apart, and other work on the
    machine would count for one of them only.
    """
    clock = time.perf_counter if model.device.type == "cuda" else time.process_time
    ids = torch.ones(N_ROWS, min(N_TOKENS, context_length), dtype=torch.long, device=model.device)
    mask, took = torch.ones_like(ids), []
    model.eval()
    for _ in range(TRIES):
        _finished(model)
        began = clock()
        model(input_ids=ids, attention_mask=mask, use_cache=False)
        _finished(model)
        took.append(clock() - began)
    return min(took)


def _finished(model: PreTrainedModel) -> None:
    """Wait for what a GPU has still to do."""
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
