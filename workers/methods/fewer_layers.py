"""A smaller copy: evenly spaced layers of the base, with its embeddings and head."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn
from transformers import PreTrainedModel

from templates.methods.fewer_layers import FewerLayersParams, n_kept
from templates.spec import Params
from workers import targets
from workers.training.ahead import TrainingAhead


def adapt(model: PreTrainedModel, params: Params, _ahead: TrainingAhead) -> PreTrainedModel:
    """The same model with fewer layers, all weights trainable. Raises `StudioError` if it has no list of layers."""
    assert isinstance(params, FewerLayersParams)
    there = targets.blocks(model)
    kept = chosen(len(there.layers), n_kept(params.every, len(there.layers)))
    setattr(there.holder, there.name, nn.ModuleList(there.layers[place] for place in kept))
    for number, layer in enumerate(getattr(there.holder, there.name)):
        for module in layer.modules():  # by which it finds its keys and values
            if hasattr(module, "layer_idx"):
                module.layer_idx = number
    _describe(model.config.get_text_config(), kept, len(there.layers))
    model.requires_grad_(True)
    return model


def chosen(n_layers: int, n: int) -> list[int]:
    """Indices of `n` evenly spaced layers, with the first and the last if there are two or more."""
    places: list[int] = np.linspace(0, n_layers - 1, n).round().astype(int).tolist()
    return places


def _describe(config: Any, kept: list[int], n_before: int) -> None:
    """Write into the config how many layers there are, and what it says of each."""
    config.num_hidden_layers = len(kept)
    for name, value in vars(config).items():
        if isinstance(value, list) and len(value) == n_before and "layer" in name:
            setattr(config, name, [value[place] for place in kept])
