"""Follows given answers token by token: how likely a model finds them, and how far it would answer the same.

One pass over prompt and answer is enough: a model that would choose every token of an answer itself, given those
before it, answers greedily with exactly these tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from workers import sharing
from workers.evaluation.generation import Interrupted, batches
from workers.evaluation.predictions import forward_arguments, predicted
from workers.evaluation.shared_prefix import shared_prefix

ROWS_AT_ONCE = 32
LOGITS_AT_ONCE = 64 * 1024 * 1024
"""Logits of a batch (256 MB in float32)."""


class Asked(BaseModel):
    """A prompt, and the answer to follow."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]
    """At least one token; the end token counts if the answer has one."""

    @property
    def n_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return len(self.prompt_ids) + len(self.answer_ids)


class Followed(BaseModel):
    """How a model follows answers, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_same: tuple[int, ...]
    """Tokens at the beginning of each answer that are the model's own greedy choice."""
    nll: tuple[float, ...]
    """Sum of the negative log likelihoods of each answer's tokens, in nats."""

    def only(self, places: Sequence[int]) -> Followed:
        """The same for the answers at these places."""
        return Followed(n_same=tuple(self.n_same[i] for i in places), nll=tuple(self.nll[i] for i in places))


@torch.inference_mode()
def follow(
    model: Any,
    asked: Sequence[Asked],
    *,
    rows_at_once: int = ROWS_AT_ONCE,
    progress: Callable[[int], None] = lambda _n: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Followed:
    """Follow all answers. `progress(n)` counts them; raises `Interrupted` once `stopped()` is true."""
    n_same, nll, n_done = [0] * len(asked), [0.0] * len(asked), 0
    device, takes = next(model.parameters()).device, forward_arguments(model)
    prefix = shared_prefix(model, [one.prompt_ids for one in asked])
    at_once = max(1, LOGITS_AT_ONCE // int(model.config.get_text_config().vocab_size))
    for group in batches([one.n_tokens for one in asked], rows_at_once if sharing.may_share(model) else 1, at_once):
        if stopped():
            raise Interrupted
        pieces = [
            ([*one.prompt_ids, *one.answer_ids], [False] * len(one.prompt_ids) + [True] * len(one.answer_ids))
            for one in (asked[place] for place in group)
        ]
        logits, targets, counted = predicted(model, pieces, prefix, takes, device)
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        same = ((logits.argmax(-1) == targets) | ~counted).long().cumprod(1) * counted
        sums = torch.where(counted, losses, 0.0).double().sum(1).tolist()
        for place, n, total in zip(group, same.sum(1).tolist(), sums, strict=True):
            n_same[place], nll[place] = int(n), total
        n_done += len(group)
        progress(n_done)
    return Followed(n_same=tuple(n_same), nll=tuple(nll))
