"""Bottleneck adapters for PEFT: y + up(act(down(y))) after chosen layers. Importing this file registers the type.

Houlsby et al. 2019, arXiv 1902.00751; Pfeiffer et al. 2020, arXiv 2005.00247.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from peft.config import PeftConfig
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from peft.utils import register_peft_method
from peft.utils.peft_types import PeftType
from torch import nn
from torch.nn import functional

NAME = "BOTTLENECK"
ACTIVATIONS = {"relu": functional.relu, "gelu": functional.gelu, "silu": functional.silu, "tanh": torch.tanh}


def _add_type(name: str) -> Any:
    """The member of PEFT's enumeration of types with this name, added if PEFT doesn't have it."""
    if name not in PeftType.__members__:
        member = str.__new__(PeftType, name)
        member._name_, member._value_ = name, name
        PeftType._member_names_.append(name)
        PeftType._member_map_[name] = member
        PeftType._value2member_map_[name] = member
        type.__setattr__(PeftType, name, member)
    return PeftType(name)


TYPE = _add_type(NAME)


@dataclass
class BottleneckConfig(PeftConfig):  # type: ignore[misc]
    """Where the networks stand, and how wide they are."""

    target_modules: list[str] | str | None = field(default=None, metadata={"help": "Layers after which they stand."})
    exclude_modules: list[str] | str | None = field(default=None, metadata={"help": "Layers to leave out."})
    modules_to_save: list[str] | None = field(default=None, metadata={"help": "Other layers to train."})
    bottleneck_size: int = field(default=32, metadata={"help": "Width of the narrow place."})
    activation: str = field(default="gelu", metadata={"help": "Function between the two layers."})
    placement: str = field(default="pfeiffer", metadata={"help": "What the layers were chosen by."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = TYPE
        if isinstance(self.target_modules, list):
            self.target_modules = set(self.target_modules)  # type: ignore[assignment]


class BottleneckLayer(nn.Module, BaseTunerLayer):  # type: ignore[misc]
    """A layer with a network after it, for each adapter."""

    adapter_layer_names = ("bottleneck_down", "bottleneck_up")
    other_param_names = ("bottleneck_activation",)
    base_layer: Any
    bottleneck_down: Any
    bottleneck_up: Any

    def __init__(self, base_layer: nn.Module, adapter_name: str, config: BottleneckConfig) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.bottleneck_down = nn.ModuleDict()
        self.bottleneck_up = nn.ModuleDict()
        self.bottleneck_activation: dict[str, str] = {}
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, config)

    def update_layer(self, adapter_name: str, config: BottleneckConfig) -> None:
        """Add a network; it changes nothing at first."""
        width = _outputs(self.base_layer)
        down, up = nn.Linear(width, config.bottleneck_size), nn.Linear(config.bottleneck_size, width)
        nn.init.zeros_(down.bias)
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
        self.bottleneck_down[adapter_name], self.bottleneck_up[adapter_name] = down, up
        self.bottleneck_activation[adapter_name] = config.activation
        own: Any = self  # whose methods are PEFT's, without types
        own._move_adapter_to_device_of_base_layer(adapter_name)
        own.set_adapter(own.active_adapters, inference_mode=config.inference_mode)

    def forward(self, states: torch.Tensor, *args: Any, **named: Any) -> torch.Tensor:
        found: torch.Tensor = self.base_layer(states, *args, **named)
        own: Any = self
        if own.disable_adapters:
            return found
        for name in own.active_adapters:
            if name in self.bottleneck_down:
                down, up = self.bottleneck_down[name], self.bottleneck_up[name]
                act: Any = ACTIVATIONS[self.bottleneck_activation[name]]
                found = found + up(act(down(found.to(down.weight.dtype)))).to(found.dtype)
        return found

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Impossible: the function between the two layers is not linear."""
        raise NotImplementedError("A bottleneck adapter can't be merged into the layer before it.")

    def unmerge(self) -> None:
        """Nothing is ever merged."""
        raise NotImplementedError("A bottleneck adapter is never merged.")


def _outputs(layer: nn.Module) -> int:
    """A linear layer's number of outputs; GPT-2's are stored the other way round."""
    found = getattr(layer, "out_features", None) or getattr(layer, "nf", None)
    if found is None:
        raise TypeError(f"A bottleneck adapter can't stand after a {type(layer).__name__}.")
    return int(found)


class BottleneckModel(BaseTuner):  # type: ignore[misc]
    """A model with bottleneck adapters."""

    prefix = "bottleneck_"
    tuner_layer_cls = BottleneckLayer
    target_module_mapping: ClassVar[dict[str, list[str]]] = {}

    def _create_and_replace(
        self,
        config: BottleneckConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        **_: Any,
    ) -> None:
        if isinstance(target, BottleneckLayer):
            target.update_layer(adapter_name, config)
            return
        made = BottleneckLayer(target, adapter_name, config)
        if adapter_name not in self.active_adapters:
            made.requires_grad_(False)
        self._replace_module(parent, target_name, made, target)


if TYPE not in PEFT_TYPE_TO_CONFIG_MAPPING:
    register_peft_method(name=NAME.lower(), config_cls=BottleneckConfig, model_cls=BottleneckModel)
