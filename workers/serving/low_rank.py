"""Plain LoRA of several adapters in one batch: each layer multiplies the base's weights once for all rows.

PEFT would cut the batch up in every layer, once for each adapter, and hook every layer at every step. Here the
matrices of the batch's adapters stand side by side, so that two thin products serve all rows, and a factor that is
zero outside a row's own adapter keeps the others' part from it: *Wx + B (s ∘ Ax)*, with A `(ranks, in)`,
B `(out, ranks)` and s `(rows, 1, ranks)`. A row that wants less of its adapter has a smaller factor.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.lora.layer import Linear, LoraLayer
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import Tensor
from torch.nn.functional import linear

from workers.serving.decoding import BASE

KEPT = 4
"""Stacks that are kept: a comparison reads each pane's prompt with its own adapter, then goes on with all of them."""


@dataclass(frozen=True)
class _Stack:
    """The matrices of some adapters in one layer, side by side."""

    parts: tuple[tuple[str, int, float], ...]
    """Adapters, the widths of their parts, and their scalings."""
    down: Tensor
    up: Tensor


class LowRank:
    """The plain LoRA layers of a model with PEFT's adapters, which must be switched off while this one works."""

    def __init__(self, model: torch.nn.Module):
        self._model = model
        self._layers = [_Layer(module) for module in model.modules() if type(module) is Linear]
        self._stacks: OrderedDict[tuple[str, ...], list[_Stack | None]] = OrderedDict()
        self._rows: list[tuple[str, float]] | None = None

    def computes(self, name: str) -> bool:
        """Whether this adapter is made of nothing but plain LoRA on linear layers."""
        return all(_is_plain(module, name) for module in self._model.modules() if name in _adapters_of(module))

    def engage(self, adapters: Sequence[str], strengths: Sequence[float] = ()) -> None:
        """Give each row of the next batches its adapter, or none (`BASE`), at its strength, by default in full.

        Cheap if they are the same as before.
        """
        rows = list(zip(adapters, strengths or [1.0] * len(adapters), strict=True))
        if rows == self._rows:
            return
        needed = tuple(sorted(set(adapters) - {BASE}))
        if needed not in self._stacks:
            self._stacks[needed] = [layer.stack(needed) for layer in self._layers]
        self._stacks.move_to_end(needed)
        if len(self._stacks) > KEPT:
            self._stacks.popitem(last=False)
        factors: dict[Any, Tensor] = {}
        for layer, stack in zip(self._layers, self._stacks[needed], strict=True):
            layer.use(stack, rows, factors)
        self._rows = rows

    def release(self) -> None:
        """Give the layers back to PEFT."""
        if self._rows is not None:
            for layer in self._layers:
                layer.release()
        self._rows = None


class _Layer:
    """A LoRA layer of PEFT's, and what it computes for the rows of the batch instead of PEFT's own."""

    def __init__(self, module: Linear):
        self._module = module
        self._base = module.base_layer
        self._stack: _Stack | None = None
        self._factors: Tensor | None = None

    def __call__(self, states: Tensor, *args: Any, **named: Any) -> Tensor:
        found: Tensor = self._base(states, *args, **named)
        if self._stack is None or self._factors is None:
            return found
        # Not fused into one product with the sum, whose order of summing depends on the number of rows.
        return found.add_(linear(linear(states, self._stack.down).mul_(self._factors), self._stack.up))

    def stack(self, adapters: Sequence[str]) -> _Stack | None:
        """The parts of these adapters in this layer; None if they have none."""
        module, dtype = self._module, self._base.weight.dtype
        ranks = {name: len(module.lora_A[name].weight) for name in adapters if name in module.lora_A}
        here = sorted(ranks, key=lambda name: -ranks[name])
        if not here:
            return None
        parts = tuple((name, ranks[name], module.scaling[name]) for name in here)
        down = torch.cat([module.lora_A[name].weight for name in here]).to(dtype)
        up = torch.cat([module.lora_B[name].weight for name in here], dim=1).to(dtype)
        return _Stack(parts, down, up)

    def use(self, stack: _Stack | None, rows: Sequence[tuple[str, float]], factors: dict[Any, Tensor]) -> None:
        """Compute with this stack for rows with an adapter at a strength.

        Their factors are shared through `factors` by layers with the same parts.
        """
        self._module.forward = self
        self._stack = stack
        if stack is None:
            return
        if stack.parts not in factors:
            widths = torch.tensor([width for _, width, _ in stack.parts])
            own = torch.tensor(
                [
                    [strength * scaling if adapter == name else 0.0 for name, _, scaling in stack.parts]
                    for adapter, strength in rows
                ]
            )
            factors[stack.parts] = own.repeat_interleave(widths, dim=1)[:, None].to(self._base.weight)
        self._factors = factors[stack.parts]

    def release(self) -> None:
        """Let PEFT compute this layer."""
        self._stack = self._factors = None
        self._module.__dict__.pop("forward", None)


def _adapters_of(module: torch.nn.Module) -> set[str]:
    """The adapters that have a part in this module."""
    if isinstance(module, LoraLayer):
        return {*module.lora_A, *module.lora_embedding_A}
    if isinstance(module, AuxiliaryTrainingWrapper):
        return set(module._adapters)
    if isinstance(module, BaseTunerLayer):
        return {name for kind in module.adapter_layer_names for name in getattr(module, kind, ())}
    return set()


def _is_plain(module: Any, name: str) -> bool:
    plain = type(module) is Linear and name in module.lora_A and name not in module.lora_variant
    return plain and not module.merged and module.lora_B[name].bias is None
