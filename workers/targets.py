"""Finds the layers of a loaded model that an adapter goes on, whatever its architecture calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import torch
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from templates import layers
from templates.errors import StudioError
from templates.layers import Group
from templates.spec import Params

Layers = Mapping[str, torch.nn.Module]


@dataclass(frozen=True)
class Blocks:
    """A model's list of blocks, and where it is."""

    holder: torch.nn.Module
    name: str
    layers: torch.nn.ModuleList


def arguments(params: Params, model: PreTrainedModel) -> dict[str, Any]:
    """The settings as PEFT's arguments. PEFT chooses parameters set to “default”."""
    given = {name: value for name, value in params.model_dump().items() if value != "default"}
    if given.get("target_modules") in get_args(Group):
        given["target_modules"] = of_group(model, given["target_modules"])
    return given


def blocks(model: PreTrainedModel) -> Blocks:
    """Raises `StudioError` if the model's blocks can't be told."""
    n_layers = int(model.config.get_text_config().num_hidden_layers)
    for holder in model.modules():
        for name, child in holder.named_children():
            if isinstance(child, torch.nn.ModuleList) and len(child) == n_layers:
                return Blocks(holder, name, child)
    raise StudioError(
        f"The layers of {type(model).__name__} can't be told apart.",
        code="method_does_not_fit",
        remedy="Choose another method or base model.",
    )


def is_norm(module: torch.nn.Module) -> bool:
    """Whether a module is a layer norm, by the name of its class and its one vector of scales."""
    weight = getattr(module, "weight", None)
    return "norm" in type(module).__name__.lower() and isinstance(weight, torch.Tensor) and weight.ndim == 1


def norms(model: PreTrainedModel) -> list[str]:
    """Name endings of the norms over the model's width."""
    width = int(model.config.get_text_config().hidden_size)
    there = dict(model.named_modules())
    chosen = [name for name, module in there.items() if is_norm(module) and module.weight.shape[0] == width]
    if not chosen:
        raise StudioError(
            f"The norms of {type(model).__name__} have no weights to train.",
            code="no_such_layers",
            remedy="Choose another method.",
        )
    return _shortest(chosen, there)


def block_ends(model: PreTrainedModel, group: Group) -> list[str]:
    """Name endings of the layers that end each block's attention, or its feed-forward part."""
    there, width = _projections(model), int(model.config.get_text_config().hidden_size)
    ends: dict[str, str] = {}
    for name, layer in there.items():
        if layers.in_group(layers.place_in_block(name), group) and features(layer)[1] == width:
            ends[name.rpartition(".")[0]] = name  # of several in one module, the last is where it ends
    if not ends:
        raise StudioError(
            f"The base model has no {group} layers that lead back to its width.",
            code="no_such_layers",
            remedy="Choose another method.",
        )
    return _shortest(ends.values(), there)


def of_group(model: PreTrainedModel, group: Group) -> list[str]:
    """Name endings, as PEFT takes them, of the projections in this group and of no others. Raises `StudioError`."""
    return _endings(_projections(model), lambda place: layers.in_group(place, group), group)


def rescaled(model: PreTrainedModel) -> tuple[list[str], list[str]]:
    """Name endings of the layers that make keys and values, and of those that end a feed-forward block."""
    there = _projections(model)
    width = int(model.config.get_text_config().hidden_size)
    ends = {name: layer for name, layer in there.items() if features(layer)[1] == width}
    feed_forward = [name for name in ends if layers.in_group(layers.place_in_block(name), "mlp")]
    made = _endings(there, layers.makes_keys_or_values, "attention")
    return made, _shortest(feed_forward, there)


def has_conv1d_only(model: PreTrainedModel) -> bool:
    """Whether all projections store their weights as `(inputs, outputs)`, as GPT-2's do."""
    there = _projections(model)
    return bool(there) and all(isinstance(layer, Conv1D) for layer in there.values())


def features(layer: torch.nn.Module) -> tuple[int, int]:
    """A projection's number of inputs and of outputs."""
    if isinstance(layer, Conv1D):
        return int(layer.weight.shape[0]), int(layer.weight.shape[1])
    return int(layer.in_features), int(layer.out_features)  # type: ignore[arg-type]


def _projections(model: PreTrainedModel) -> Layers:
    """The model's linear layers without its output head."""
    head = model.get_output_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    }


def _endings(there: Layers, wanted: Callable[[str], bool], what: str) -> list[str]:
    chosen = [name for name in there if wanted(layers.place_in_block(name))]
    if not chosen:
        places = ", ".join(sorted({layers.place_in_block(name) for name in there}))
        raise StudioError(
            f"The base model has no {what} layers to adapt; its layers are called {places}.",
            code="no_such_layers",
            remedy="Set target_modules to all-linear, or choose full fine-tuning.",
        )
    return _shortest(chosen, there)


def _shortest(chosen: Iterable[str], there: Layers) -> list[str]:
    """The shortest endings that match the chosen names and none of the others."""
    chosen, others = list(chosen), set(there)
    others -= set(chosen)
    found = set()
    for name in chosen:
        parts = name.split(".")
        endings = (".".join(parts[-n:]) for n in range(1, len(parts) + 1))
        found.add(next(e for e in endings if not any(o == e or o.endswith(f".{e}") for o in others)))
    return sorted(found)
