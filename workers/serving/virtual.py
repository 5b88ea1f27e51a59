"""Adapters that put vectors before a row's tokens (prompt, p- and prefix tuning), computed without PEFT.

A row begins with placeholders, which are tokens like others to mask, positions and cache: so rows of different lengths
share batches, join and leave. Only their content is the adapter's. PEFT puts its vectors before the padding instead,
where they would be farther from the shorter rows' tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig
from safetensors.torch import load_file
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

WEIGHTS = "adapter_model.safetensors"
PLACEHOLDER = -1
"""The token of the first virtual token; the next ones count down."""


@dataclass(frozen=True)
class Virtual:
    """An adapter's vectors."""

    n_tokens: int
    embeddings: Tensor | None
    """`(tokens, width)`; None for prefix tuning."""
    states: Tensor | None = None
    """`(2 × layers, heads, tokens, width of a head)`: keys and values by turns; None without prefix tuning."""

    def prompt(self, ids: list[int]) -> list[int]:
        """A row's tokens with the placeholders before them."""
        return [*range(PLACEHOLDER, PLACEHOLDER - self.n_tokens, -1), *ids]

    def inputs(self, ids: Tensor, model: Any, cache: Any) -> dict[str, Any]:
        """What the model takes in the place of `input_ids` and `past_key_values`."""
        held = ids < 0
        if not held.any():
            return {"input_ids": ids, "past_key_values": cache}
        plain = ids.clamp(min=0)
        if self.states is not None:
            return {"input_ids": plain, "past_key_values": _Prefixed.cache(self.states, PLACEHOLDER - ids, held)}
        found = model.get_input_embeddings()(plain).clone()
        assert self.embeddings is not None
        found[held] = self.embeddings.to(found)[(PLACEHOLDER - ids)[held]]
        return {"inputs_embeds": found, "past_key_values": cache}


def settled(cache: Any) -> Any:
    """The cache after the first pass, with plain layers."""
    for index, layer in enumerate(getattr(cache, "layers", [])):
        if isinstance(layer, _Prefixed):
            cache.layers[index] = plain = DynamicLayer()
            plain.update(layer.keys, layer.values)
    return cache


def read(folder: Path, device: torch.device) -> Virtual | None:
    """The vectors of the adapter in a folder; None if it is of another type."""
    config: Any = PeftConfig.from_pretrained(str(folder))
    if not config.is_prompt_learning:
        return None
    return of(config, load_file(folder / WEIGHTS)["prompt_embeddings"].to(device))


def of(config: Any, stored: Tensor) -> Virtual:
    """The vectors of an adapter, given its config and what PEFT stores of it."""
    n = config.num_virtual_tokens
    if config.peft_type.value != "PREFIX_TUNING":
        return Virtual(n, stored)
    heads = config.num_attention_heads
    states = stored.view(n, 2 * config.num_layers, heads, config.token_dim // heads).permute(1, 2, 0, 3)
    return Virtual(n, None, states)


class _Prefixed(DynamicLayer):  # type: ignore[misc]
    """A layer's keys and values, with the adapter's in the places of the placeholders."""

    def __init__(self, keys: Tensor, values: Tensor, places: Tensor, held: Tensor):
        super().__init__()
        self._own, self._places, self._held = (keys, values), places, held

    @classmethod
    def cache(cls, states: Tensor, places: Tensor, held: Tensor) -> DynamicCache:
        """A cache for the first pass, with such a layer for each of the model's."""
        made = DynamicCache()
        made.layers = [cls(states[2 * layer], states[2 * layer + 1], places, held) for layer in range(len(states) // 2)]
        return made

    def update(self, key_states: Tensor, value_states: Tensor, *more: Any, **named: Any) -> tuple[Tensor, Tensor]:
        """Take the states of a pass; returns all."""
        if not self.is_initialized:
            key_states, value_states = (
                self._replaced(computed, own)
                for computed, own in zip((key_states, value_states), self._own, strict=True)
            )
        found: tuple[Tensor, Tensor] = super().update(key_states, value_states, *more, **named)
        return found

    def _replaced(self, computed: Tensor, own: Tensor) -> Tensor:
        """`computed` is `(rows, heads, time, width)`, `own` `(heads, tokens, width)`."""
        by_time = computed.transpose(1, 2).clone()
        by_time[self._held] = own.transpose(0, 1).to(computed)[self._places[self._held]]
        return by_time.transpose(1, 2)
