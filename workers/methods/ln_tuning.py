"""LN tuning: PEFT knows the norms of a few architectures only."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel

from templates.spec import Params
from workers import targets
from workers.training.ahead import TrainingAhead


def configure(_params: Params, model: PreTrainedModel, _ahead: TrainingAhead) -> dict[str, Any]:
    """All norms over the model's width."""
    return {"target_modules": targets.norms(model)}
