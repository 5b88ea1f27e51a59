"""Muon for matrices, AdamW for the rest, as one optimizer that a `Trainer` can drive and checkpoint.

Muon takes the momentum of a matrix' gradient and replaces it by the nearest orthogonal matrix before
the update (Jordan et al. 2024), so that all directions are learned at one rate. It is not meant for
embeddings, the output head and vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from transformers import PreTrainedModel

from workers import precision
from workers.training.muon import Muon32

ADAM_BETAS = (0.9, 0.98)


class MuonAdamW(Optimizer):
    """Both optimizers behind one interface; a schedule sets both rates through their `param_groups`."""

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        lr: float,
        adam_lr: float,
        weight_decay: float,
    ):
        self._parts = {
            "muon": _muon(list(matrices), lr, weight_decay),
            "adamw": AdamW(list(others), lr=adam_lr, betas=ADAM_BETAS, weight_decay=0.0),
        }
        super().__init__([group for part in self._parts.values() for group in part.param_groups], {})

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all parameters; `closure`, if given, is evaluated first."""
        loss = closure() if closure else None
        for part in self._parts.values():
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The state of each part by its name."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a `state_dict` for the same parameters in the same order."""
        for name, part in self._parts.items():
            part.load_state_dict(state_dict[name])
        # loading replaces a part's groups by new ones
        self.param_groups = [group for part in self._parts.values() for group in part.param_groups]


def muon_adamw(model: PreTrainedModel, *, lr: float, adam_lr: float, weight_decay: float) -> Optimizer:
    """Build the optimizer for `model`: Muon gets the 2-D parameters except embeddings and head.

    If a method trains none of those, AdamW alone is used.
    """
    tables = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters(recurse=False)}
    head = model.get_output_embeddings()
    if head is not None:
        tables |= {id(p) for p in head.parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim == 2 and id(p) not in tables]
    chosen = {id(p) for p in matrices}
    others = [p for p in trained if id(p) not in chosen]
    if not matrices:
        return AdamW(others, lr=adam_lr, betas=ADAM_BETAS, weight_decay=0.0)
    if not others:
        return _muon(matrices, lr, weight_decay)
    return MuonAdamW(matrices, others, lr=lr, adam_lr=adam_lr, weight_decay=weight_decay)


def _muon(matrices: list[nn.Parameter], lr: float, weight_decay: float) -> Muon:
    kind = Muon if precision.multiplies_bfloat16(matrices[0].device) else Muon32
    return kind(matrices, lr=lr, weight_decay=weight_decay)


def cast(parameters: Iterable[tuple[str, torch.Tensor]], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Copies of floating-point parameters in `dtype` through which gradients reach the originals."""
    return {name: p.to(dtype) if p.is_floating_point() else p for name, p in parameters}
