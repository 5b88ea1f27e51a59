"""A smaller copy: evenly spaced layers of the base, with its embeddings and head."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn
from transformers import PreTrainedModel

from templates.errors import StudioError
from templates.methods.fewer_layers import FewerLayersParams, n_kept
from templates.spec import Params


def adapt(model: PreTrainedModel, params: Params) -> PreTrainedModel:
    """The same model with fewer layers, all weights trainable. Raises `StudioError` if it has no list of layers."""
    assert isinstance(params, FewerLayersParams)
    holder, name, layers = _layers(model)
    kept = chosen(len(layers), n_kept(params.every, len(layers)))
    setattr(holder, name, nn.ModuleList(layers[place] for place in kept))
    for number, layer in enumerate(getattr(holder, name)):
        for module in layer.modules():  # by which it finds its keys and values
            if hasattr(module, "layer_idx"):
                module.layer_idx = number
    _describe(model.config.get_text_config(), kept, len(layers))
    model.requires_grad_(True)
    return model


def chosen(n_layers: int, n: int) -> list[int]:
    """Indices of `n` evenly spaced layers, with the first and the last if there are two or more."""
    places: list[int] = np.linspace(0, n_layers - 1, n).round().astype(int).tolist()
    return places


def _layers(model: PreTrainedModel) -> tuple[Any, str, nn.ModuleList]:
    n_layers = int(model.config.get_text_config().num_hidden_layers)
    for holder in model.modules():
        for name, child in holder.named_children():
            if isinstance(child, nn.ModuleList) and len(child) == n_layers:
                return holder, name, child
    raise StudioError(
        f"The layers of {type(model).__name__} can't be told apart, so none can be left out.",
        code="method_does_not_fit",
        remedy="Choose another method or base model.",
    )


def _describe(config: Any, kept: list[int], n_before: int) -> None:
    """Write into the config how many layers there are, and what it says of each."""
    config.num_hidden_layers = len(kept)
    for name, value in vars(config).items():
        if isinstance(value, list) and len(value) == n_before and "layer" in name:
            setattr(config, name, [value[place] for place in kept])
