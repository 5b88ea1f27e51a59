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
Trains = Literal["adapter", "some_weights", "all_weights"]
"""`some_weights`: the result is a whole model, of which the training changed a part."""
Part = Literal["prompt", "embeddings", "attention", "mlp", "norms", "head"]
"""The parts of a model in a drawing; `prompt` are vectors before a row's tokens, which the base does not have."""
Change = Literal["trained", "beside", "prefixed", "rescaled", "rotated", "inserted"]
"""What a method does to a part: trains its weights, adds matrices beside them, gives it keys and values before every
row, rescales or rotates what it computes, or inserts a layer after it."""


def _never(_settings: Settings) -> bool:
    return False


def _no_tokens(_params: Any) -> int:
    return 0


@dataclass(frozen=True)
class Method:
    """How weights change."""

    title: str
    summary: str
    params: type[Params]
    trains: Trains
    changes: Mapping[Part, Change] = field(default_factory=dict)
    """The parts of the model that it changes, with default settings."""
    is_expert: bool = False
    """Forms fold it away."""
    place: int = 100
    """Its place in lists of methods: the one that is useful most often is first."""
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
    stored_parameters: Callable[[Any, BaseFacts], int] | None = None
    """Number of parameters in the result's file, where those are not the trained ones."""
    virtual_tokens: Callable[[Any], int] = _no_tokens
    """Tokens that it puts before every row; they need room in the context, memory and time."""
    trains_further: bool = True
    """A finished adapter can be loaded to be trained."""
    allows_reference: bool = True
    """TRL can put an untouched copy of the adapter beside it, and reads the output head alone."""
    adds_to_loss: bool = False
    """PEFT adds a term of its own to the model's loss, which is lost where an objective computes the loss itself."""
    allows_new_head: bool = True
    """PEFT stores and trains a head of another kind together with the adapter."""
    allows_recasting: bool = True
    """An objective may compute the model itself, with copies of all parameters in 16 bits."""
    allows_gradient_checkpointing: bool = True
    problems: Callable[[Any, Quantization, BaseFacts | None], list[Problem]] = field(default=lambda *_given: [])
    """Problems with settings that are each valid, but not together or not on a base with these facts."""
    key: str = ""
    page: str = ""

    def __post_init__(self) -> None:
        if self.trains != "all_weights" and self.trainable_parameters is None:
            raise TypeError(f"the method “{self.title}” trains an adapter and must say its trainable_parameters")

    @property
    def starts_anew(self) -> bool:
        """Nothing of the base, or only a part, is there at the start."""
        return self.trains != "adapter" and not self.starts_at_base

    @property
    def trains_new_head(self) -> bool:
        """A base whose output head was replaced by a fresh one can be trained, and the new head with it."""
        return self.allows_new_head and self.starts_at_base and self.trains != "some_weights"

    @property
    def defaults(self) -> Settings:
        """Its settings when the user chooses none."""
        return self.params().model_dump()

    def n_trained(self, params: Params, facts: BaseFacts) -> int:
        """Number of parameters trained with `params` on a base with these facts."""
        return facts.n_parameters if self.trainable_parameters is None else self.trainable_parameters(params, facts)

    def n_stored(self, params: Params, facts: BaseFacts) -> int:
        """Number of parameters in the result's file."""
        if self.stored_parameters is not None:
            return self.stored_parameters(params, facts)
        return facts.n_parameters if self.trains == "some_weights" else self.n_trained(params, facts)
