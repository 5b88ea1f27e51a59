"""Muon for processors without bfloat16 instructions.

`torch.optim.Muon` always orthogonalises in bfloat16. On a processor that must emulate it, each product
takes a hundred times as long, so here the same iteration (Jordan et al. 2024) runs in 32 bits, on all
matrices of one shape at once.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Muon


class Muon32(Muon):
    """`torch.optim.Muon`, its state and its settings, computed in 32 bits."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all parameters that have a gradient; `closure`, if given, is evaluated first."""
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            alike = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike[parameter.shape].append(parameter)
            for parameters in alike.values():
                self._update(parameters, group)
        return loss

    def _update(self, parameters: list[torch.nn.Parameter], group: dict[str, Any]) -> None:
        direction = orthogonalised(
            torch.stack([self._momentum(parameter, group) for parameter in parameters]),
            coefficients=group["ns_coefficients"],
            n_steps=group["ns_steps"],
            eps=group["eps"],
        )
        n_out, n_in = parameters[0].shape
        lr = group["lr"]
        for parameter, update in zip(parameters, direction, strict=True):
            parameter.mul_(1 - lr * group["weight_decay"])
            parameter.add_(update, alpha=-lr * math.sqrt(max(1, n_out / n_in)))

    def _momentum(self, parameter: torch.nn.Parameter, group: dict[str, Any]) -> torch.Tensor:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        mean: torch.Tensor = state["momentum_buffer"]
        mean.lerp_(gradient, 1 - group["momentum"])
        return gradient.lerp(mean, group["momentum"]) if group["nesterov"] else mean


def orthogonalised(
    matrices: torch.Tensor, *, coefficients: tuple[float, float, float], n_steps: int, eps: float
) -> torch.Tensor:
    """`(n, out, in)` matrices with all their singular values brought near 1, by Newton–Schulz iteration."""
    first, second, third = coefficients
    tall = matrices.shape[-2] > matrices.shape[-1]
    found = matrices.mT if tall else matrices
    found = found / found.norm(dim=(-2, -1), keepdim=True).clamp(min=eps)
    for _ in range(n_steps):
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=second, alpha=third), found, beta=first)
    return found.mT if tall else found
