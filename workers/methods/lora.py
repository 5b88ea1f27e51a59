"""LoRA's initialisation from the training rows (EVA, Paischer et al. 2024, arXiv 2410.07170)."""

from __future__ import annotations

from typing import Any

import torch
from peft import EvaConfig, initialize_lora_eva_weights
from transformers import PreTrainedModel

from templates.errors import StudioError
from templates.methods.lora import LoraParams
from templates.spec import Params
from workers import targets
from workers.training import batches
from workers.training.ahead import TrainingAhead

ROWS, ROWS_AT_ONCE = 256, 8
"""Rows whose activations are looked at, and those that go through the model together."""


def configure(params: Params, model: PreTrainedModel, _ahead: TrainingAhead) -> dict[str, Any]:
    """PEFT's arguments; with EVA, every layer keeps the rank that was asked for."""
    given = targets.arguments(params, model)
    if given.get("init_lora_weights") == "eva":
        given["eva_config"] = EvaConfig(rho=1.0)
    return given


def initialise(model: PreTrainedModel, params: Params, ahead: TrainingAhead) -> None:
    """Begin with the main directions of what goes into each layer, if EVA is wanted."""
    assert isinstance(params, LoraParams)
    if params.init_lora_weights != "eva":
        return
    examples = ahead.examples()[:ROWS]
    if sum(len(example.ids) for example in examples) <= params.r:
        raise StudioError(
            f"The training rows have too few tokens for the initialisation “eva” of rank {params.r}.",
            code="too_few_tokens",
            remedy="Use the initialisation “default”, a smaller rank, or more rows.",
        )
    loader = [_batch(examples[start : start + ROWS_AT_ONCE], model) for start in range(0, len(examples), ROWS_AT_ONCE)]
    initialize_lora_eva_weights(model, loader, show_progress_bar=False)


def _batch(examples: Any, model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """A batch padded on the right, where no earlier token sees it."""
    batch = batches.padded(examples, on_the_right=True)
    return {name: batch[name].to(model.device) for name in ("input_ids", "attention_mask")}
