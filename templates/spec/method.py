"""How weights change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from templates.errors import Problem
from templates.spec.base_facts import BaseFacts
from templates.spec.params import Params

Quantization = Literal["none", "int8", "nf4"]
QUANTIZATIONS: tuple[Quantization, ...] = ("none", "int8", "nf4")
Settings = Mapping[str, Any]
"""A method's settings under PEFT's names: from a recipe, or from the `adapter_config.json` of a result."""


def _never(_settings: Settings) -> bool:
    return False


@dataclass(frozen=True)
class Method:
    """How weights change."""

    title: str
    summary: str
    params: type[Params]
    trains: Literal["adapter", "all_weights"]
    peft_type: str | None = None
    """PEFT's own name for the type; None when the worker has its own `adapt`."""
    quantizations: tuple[Quantization, ...] = ("none",)
    """Precisions of the frozen base that this method can train on."""
    starts_at_base: bool = True
    """Before the first update, the model answers exactly like the base."""
    mergeable: bool = True
    mixes: Callable[[Settings], bool] = _never
    """Which settings let rows of one batch use different adapters: PEFT honours `adapter_names` for few types."""
    moves_base: Callable[[Settings], bool] = _never
    """Which settings make attaching the adapter change the base's own weights."""
    exports_as_lora: bool = False
    advised: Callable[[BaseFacts], Mapping[str, Any]] = field(default=lambda _facts: {})
    """Training settings that suit this method on a base of these facts (e.g. its learning rate)."""
    trainable_parameters: Callable[[Any, BaseFacts], int] | None = None
    """Number of trained parameters: `(params, facts) -> count`. Every adapter method needs it."""
    problems: Callable[[Any, Quantization, BaseFacts | None], list[Problem]] = field(default=lambda *_given: [])
    """Problems with settings that are each valid, but not together or not on a base with these facts."""
    key: str = ""
    page: str = ""

    def __post_init__(self) -> None:
        if self.trains == "adapter" and self.trainable_parameters is None:
            raise TypeError(f"the method “{self.title}” trains an adapter and must say its trainable_parameters")

    @property
    def defaults(self) -> Settings:
        """Its settings when the user chooses none."""
        return self.params().model_dump()

    def n_trained(self, params: Params, facts: BaseFacts) -> int:
        """Number of parameters trained with `params` on a base with these facts."""
        return facts.n_parameters if self.trainable_parameters is None else self.trainable_parameters(params, facts)
