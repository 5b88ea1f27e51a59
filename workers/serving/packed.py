"""Products with weights that are laid out once for the processor's bfloat16 instructions.

torch lays a weight out anew at every product, which takes most of the time of a step with a few rows. The packed
copies stand beside the weights, so a model takes as much memory as in 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

ROWS = 16
"""The number of rows that the layout is made for; others work too, with the same results."""
_PACK, _MULTIPLY = "_reorder_linear_weight", "_linear_pointwise"


class Packed:
    """A weight `(out, in)`, and a bias: computes what `torch.nn.functional.linear` does."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None):
        self._weight = getattr(torch.ops.mkldnn, _PACK)(weight.detach().contiguous(), ROWS)
        self._bias = bias
        self._multiply: Callable[..., Tensor] = getattr(torch.ops.mkldnn, _MULTIPLY)

    def __call__(self, states: Tensor) -> Tensor:
        return self._multiply(states, self._weight, self._bias, "none", [], "")


class Plain:
    """The same for a weight that is used as it is."""

    def __init__(self, weight: Tensor):
        self._weight = weight

    def __call__(self, states: Tensor) -> Tensor:
        return torch.nn.functional.linear(states, self._weight)


def product(weight: Tensor) -> Packed | Plain:
    """The product with a weight, packed if that is of use."""
    return Packed(weight) if _is_packable(weight) else Plain(weight)


def pack(model: torch.nn.Module) -> None:
    """Let a model's linear layers use packed weights, where it is of use."""
    for module in model.modules():
        if type(module) is torch.nn.Linear and _is_packable(module.weight):
            layer: Any = module
            layer.forward = Packed(module.weight, module.bias)


def _is_packable(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, _PACK)
        and hasattr(torch.ops.mkldnn, _MULTIPLY)
    )
