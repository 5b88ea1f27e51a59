"""Bottleneck adapters: the layers that lead back to the model's width."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel

from templates.methods.bottleneck import BottleneckParams
from templates.spec import Params
from workers import targets
from workers.training.ahead import TrainingAhead


def configure(params: Params, model: PreTrainedModel, _ahead: TrainingAhead) -> dict[str, Any]:
    """PEFT's arguments, with the ends of the feed-forward parts, and with Houlsby's placement of attention too."""
    assert isinstance(params, BottleneckParams)
    ends = targets.block_ends(model, "mlp")
    if params.placement == "houlsby":
        ends = sorted({*ends, *targets.block_ends(model, "attention")})
    return {**params.model_dump(), "target_modules": ends}
