"""Attention that computes rows of different lengths apart, so that no row's numbers depend on its padding.

A padded row's sums are taken in another order than without padding. In 32 bits that changes next to nothing, but
in 16 bits half of all greedy answers would become others beside a longer row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "rows_apart"


class _Padding:
    """How many columns of each row are padding, and what is left of a mask without them."""

    def __init__(self, starts: Sequence[int]):
        self.starts = starts
        self._mask: Tensor | None = None
        self._rows: list[Tensor | None] = [None] * len(starts)

    def masks(self, mask: Tensor | None) -> list[Tensor | None]:
        """The mask of each row by itself; None if it hides nothing."""
        if mask is not self._mask:  # all layers of a kind get the same one
            given = [] if mask is None else [mask[row : row + 1, ..., start:] for row, start in enumerate(self.starts)]
            hides = [one.dtype != torch.bool or not one.all() for one in given]
            self._rows = [one if hid else None for one, hid in zip(given, hides, strict=True)] or [None] * len(
                self.starts
            )
            self._mask = mask
        return self._rows


_padding: ContextVar[_Padding | None] = ContextVar("padding", default=None)


def rows_apart(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **named: Any
) -> tuple[Tensor, None]:
    """transformers' `sdpa`, but called for each row without its padding when a step's rows are padded."""
    padding = _padding.get()
    if padding is None or query.shape[2] > 1:
        together: Tensor = sdpa_attention_forward(module, query, key, value, attention_mask, **named)[0]
        return together, None
    found = []
    for row, (start, mask) in enumerate(zip(padding.starts, padding.masks(attention_mask), strict=True)):
        own = slice(row, row + 1)
        states = query[own], key[own, :, start:], value[own, :, start:]
        found.append(sdpa_attention_forward(module, *states, mask, **named)[0])
    return torch.cat(found), None


def use(model: PreTrainedModel) -> None:
    """Let a model that computes attention by `sdpa` use this one."""
    if model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)


@contextmanager
def padded(mask: Tensor) -> Iterator[None]:
    """The forward passes inside have rows that are padded on the left as this mask `(rows, time)` says."""
    starts = (mask == 0).sum(-1).tolist()
    before = _padding.set(_Padding(starts) if any(starts) else None)
    try:
        yield
    finally:
        _padding.reset(before)


AttentionInterface.register(NAME, rows_apart)
AttentionMaskInterface.register(NAME, sdpa_mask)
