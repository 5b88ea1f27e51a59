"""Computes the tokens that all rows begin with only once, such as an instruction; each row goes on from there."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from workers import sharing
from workers.evaluation.padding import pad_left

FEWEST_TOKENS, FEWEST_ROWS = 24, 4
"""With less in common, computing it apart saves nothing."""


@dataclass(frozen=True)
class SharedPrefix:
    """The first tokens of every row, and what the model's layers remember of them."""

    n_tokens: int = 0
    cache: Any = None
    """Keys and values of one row; None if there is nothing to share."""

    def batch(self, rows: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> Batch:
        """Whole rows that begin with the prefix, as the model takes them."""
        rests, mask = pad_left([row[self.n_tokens :] for row in rows], pad_id, device)
        if self.cache is None:
            return Batch(rests, rests, mask, None)
        prefix = torch.tensor([rows[0][: self.n_tokens]], device=device).expand(len(rows), -1)
        cache = copy.deepcopy(self.cache)
        cache.batch_repeat_interleave(len(rows))
        return Batch(torch.cat([prefix, rests], 1), rests, torch.cat([torch.ones_like(prefix), mask], 1), cache)


@dataclass(frozen=True)
class Batch:
    """Rows of token ids whose padding stands between the shared prefix and the rest of each row."""

    ids: torch.Tensor
    """`(rows, prefix + longest rest)`."""
    rests: torch.Tensor
    """`(rows, longest rest)`: what is not in the cache yet."""
    mask: torch.Tensor
    """Like `ids`: 0 for padding."""
    cache: Any
    """The prefix for each row, for `past_key_values`, which the model then extends."""

    @property
    def positions(self) -> torch.Tensor:
        """`(rows, longest rest)`: each token's place in its row."""
        places = (self.mask.cumsum(1) - 1).clamp(min=0)
        return places[:, self.ids.shape[1] - self.rests.shape[1] :]


@torch.inference_mode()
def shared_prefix(model: Any, rows: Sequence[Sequence[int]]) -> SharedPrefix:
    """What these beginnings of rows have in common. Empty where the model can't go on from a cache of it."""
    if len(rows) < FEWEST_ROWS or not sharing.may_share(model):
        return SharedPrefix()
    first, last = min(rows, key=list), max(rows, key=list)  # all others are alike as far as these two are
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(first[:-1], last[:-1], strict=False))
    common = [token for token, _ in alike]
    if len(common) < FEWEST_TOKENS:
        return SharedPrefix()
    ids = torch.tensor([common], device=next(model.parameters()).device)
    was_training = model.training
    model.eval()
    try:
        cache = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True).past_key_values
    finally:
        model.train(was_training)
    return SharedPrefix(len(common), cache) if _can_go_on(cache) else SharedPrefix()


def _can_go_on(cache: Any) -> bool:
    """Whether every layer keeps all tokens, so that rows of any length can follow."""
    # recurrent states and sliding windows have layers of other types
    return type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in cache.layers)
