"""Keys and values of rows that are decoded together: `(rows, heads, time, width)`, padded on the left."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer

ROOM = 64
"""Steps that a layer makes room for at once."""


class GrowingLayer(DynamicLayer):  # type: ignore[misc]  # transformers has no types here
    """Plain attention's keys and values with room for steps to come: a step writes what is new and copies nothing."""

    def __init__(self, keys: Tensor, values: Tensor):
        super().__init__()
        self.lazy_initialization(keys, values)
        self.hold(keys, values)

    def hold(self, keys: Tensor, values: Tensor) -> None:
        """Take these in the place of what it held."""
        self._buffers = _roomy(keys), _roomy(values)
        self._show(keys.shape[-2])

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Add a step's keys and values; returns all."""
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        if end > self._buffers[0].shape[-2]:
            self._buffers = _roomy(self.keys, end - start), _roomy(self.values, end - start)
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, start:end] = states
        self._show(end)
        return self.keys, self.values

    def _show(self, length: int) -> None:
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)


def joinable(cache: Any) -> bool:
    """Whether caches of this kind can be joined and split by row: plain attention over all positions."""
    return all(type(layer) in (DynamicLayer, GrowingLayer) for layer in cache.layers)


def make_room(cache: Any) -> None:
    """Let the plain layers of a cache grow without copying."""
    layers = getattr(cache, "layers", [])
    for index, layer in enumerate(layers):
        if type(layer) is DynamicLayer and layer.is_initialized:
            layers[index] = GrowingLayer(layer.keys, layer.values)


def join(cache: Any, other: Any, length: int) -> None:
    """Add the rows of another cache, both padded to this length."""
    for ours, theirs in zip(_held(cache), _held(other), strict=True):
        keys = torch.cat([_padded(ours.keys, length), _padded(theirs.keys, length)])
        ours.hold(keys, torch.cat([_padded(ours.values, length), _padded(theirs.values, length)]))


def keep(cache: Any, rows: Tensor, start: int) -> None:
    """Keep only these rows, and of them only the time from `start`."""
    for layer in _held(cache):
        layer.hold(layer.keys[rows, :, start:], layer.values[rows, :, start:])


def _held(cache: Any) -> list[GrowingLayer]:
    """Its layers; those that use another layer's keys hold none."""
    return [layer for layer in cache.layers if isinstance(layer, GrowingLayer)]


def _roomy(states: Tensor, least: int = 0) -> Tensor:
    rows, heads, time, width = states.shape
    buffer = states.new_empty(rows, heads, time + max(ROOM, least), width)
    buffer[:, :, :time] = states
    return buffer


def _padded(states: Tensor, length: int) -> Tensor:
    """Keys or values with zeros before them up to `length` in time."""
    return torch.nn.functional.pad(states, (0, 0, length - states.shape[-2], 0))
