"""Reduces the intruder dimensions of a LoRA adapter in place, with PEFT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from peft import PeftModel
from peft.tuners.lora.intruders import reduce_intruder_dimension
from peft.tuners.lora.layer import LoraLayer

from templates.errors import StudioError
from templates.jobs.reduce_intruders import ReduceIntrudersParams

REDUCED = "reduced"


@dataclass(frozen=True)
class Reduction:
    """What was found."""

    n_layers: int
    n_changed: int
    """Layers with at least one intruder."""
    n_intruders: int

    @property
    def sentence(self) -> str:
        """For the verdict."""
        if not self.n_intruders:
            return f"None of the {self.n_layers:,} adapted layers has an intruder dimension: the adapter is unchanged."
        found = f"{self.n_intruders:,} intruder dimension{'s' if self.n_intruders > 1 else ''}"
        return f"{found} in {self.n_changed:,} of {self.n_layers:,} adapted layers reduced; nothing was trained."


def n_layers(model: PeftModel) -> int:
    """The number of adapted layers."""
    return sum(isinstance(module, LoraLayer) for module in model.modules())


@torch.no_grad()
def reduce(model: PeftModel, params: ReduceIntrudersParams, tell: Callable[[int], None]) -> Reduction:
    """Take the adapter's place; `tell` gets the number of layers that are done, and may raise."""
    found = list[int]()

    def heard(line: str) -> None:
        layer, _, count = line.rpartition(": ")
        if layer:  # `NAME: Intruders: 3` or `NAME: No intruders` for each layer; other lines have no colon
            found.append(int(count) if count.isdigit() else 0)
            tell(len(found))

    own = model.active_adapter
    reduce_intruder_dimension(model, own, REDUCED, logging_sink=heard, **params.model_dump())
    for module in model.modules():
        if isinstance(module, LoraLayer):
            _take_over(module, own)
    model.set_adapter(own)
    model.delete_adapter(REDUCED)
    model.eval()
    return Reduction(len(found), sum(n > 0 for n in found), sum(found))


def _take_over(layer: LoraLayer, own: str) -> None:
    """Copy the reduced matrices over those of the adapter."""
    for part in (layer.lora_A, layer.lora_B):
        target, source = part[own].weight, part[REDUCED].weight
        if target.shape != source.shape or not source.isfinite().all():
            raise StudioError(
                "PEFT could not reduce this adapter: a matrix came back in another shape or with missing numbers.",
                code="reduction_failed",
                remedy="Repair the result instead (the objective repair).",
            )
        target.data.copy_(source.data)
