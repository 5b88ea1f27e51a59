"""Computes with a model as in 16 bits, to see how much of what it says rounding alone changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def in_16_bits(model: torch.nn.Module) -> Iterator[None]:
    """While inside, every layer's output is rounded to bfloat16.

    That is what processors with bfloat16 instructions do, which sum up products in 32 bits too. Real bfloat16 on
    a processor without them would take a hundred times as long, and a second copy of the weights.
    """
    hooks = [module.register_forward_hook(_hook) for module in model.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _hook(_module: torch.nn.Module, _inputs: Any, output: Any) -> Any:
    return _rounded(output)


def _rounded(output: Any) -> Any:
    if isinstance(output, torch.Tensor) and output.is_floating_point():
        return output.to(torch.bfloat16).to(output.dtype)
    return tuple(map(_rounded, output)) if type(output) is tuple else output
