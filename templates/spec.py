"""The forms in which methods, objectives and row shapes declare themselves.

One declaration has five readers: the web form, the validation in the web, the validation in the
worker, the record on the job, and the reference (`studio methods --json`). A file in
`templates/methods/`, `templates/objectives/` or `templates/shapes/` exports one `SPEC`; its key is
the file's name and its help page is the file's docstring. Nothing here imports more than pydantic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from templates.errors import Problem
from templates.metrics import Metric

Quantization = Literal["none", "int8", "nf4"]
Preset = Literal["quick", "balanced", "thorough"]
SMALL_BASE = 100_000_000
"""Parameters of models too small for the learning rates that suit usual ones."""
PRESET_TITLES: Mapping[Preset, str] = {"quick": "quick try", "balanced": "balanced", "thorough": "thorough"}


class Params(BaseModel):
    """Base of all parameter declarations: unknown keys, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_not_one(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("a number or a word is wanted here, not true or false")
        return value


def setting(default: Any, title: str, *, shown: bool = False, unit: str | None = None, **bounds: Any) -> Any:
    """A pydantic field that a form can draw: `shown` puts it in sight, the rest is folded away.

    The attribute's docstring is its help text; `bounds` are pydantic's (`gt`, `ge`, `le` …).
    """
    extra: dict[str, Any] = {"shown": shown}
    if unit:
        extra["unit"] = unit
    return Field(default, title=title, json_schema_extra=extra, **bounds)


class BaseFacts(BaseModel):
    """What is known of a base model without loading it: read from its config and tensor headers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    n_parameters: int
    """Distinct parameters; tied embeddings are counted once."""
    n_linear_parameters: int
    """Parameters in 2-D projection weights, embeddings and output head left out."""
    hidden_size: int
    intermediate_size: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    context_length: int
    """Positions the model was made for, in tokens."""
    weights_bytes: int
    stored_dtype: str
    linear_modules: tuple[str, ...] = ()
    """Last name parts of the projection layers, e.g. `q_proj`; `lm_head` is left out."""

    @property
    def is_small(self) -> bool:
        """Whether it learns at rates several times those of usual models."""
        return self.n_parameters < SMALL_BASE


@dataclass(frozen=True)
class Method:
    """How weights change."""

    title: str
    summary: str
    params: type[Params]
    trains: Literal["adapter", "all_weights"]
    peft_type: str | None = None
    """PEFT's own name of the type; None when the worker brings its own `adapt`."""
    quantizations: tuple[Quantization, ...] = ("none",)
    """Precisions of the frozen base that this method is known to train on."""
    starts_at_base: bool = True
    """Before the first update the model answers exactly as the base does."""
    mergeable: bool = True
    mixed_batch: bool = False
    """Rows of one batch may use different adapters (PEFT honours `adapter_names` for this type)."""
    exports_as_lora: bool = False
    advised: Callable[[BaseFacts], Mapping[str, Any]] = field(default=lambda _facts: {})
    """Training settings that suit this method on a base of these facts (e.g. its learning rate)."""
    trainable_parameters: Callable[[Any, BaseFacts], int] = field(default=lambda _params, facts: facts.n_parameters)
    """About how many parameters are trained: `(params, facts) -> count`, for the estimate."""
    problems: Callable[[Any, Quantization, BaseFacts | None], list[Problem]] = field(default=lambda *_given: [])
    """What is wrong with settings that are each valid, but not together or not on a base of these facts."""
    key: str = ""
    page: str = ""


class TrainingParams(Params):
    """What every gradient-trained objective shares, under `transformers.TrainingArguments`' names."""

    num_train_epochs: float = setting(3.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model sees each training row. More learns more and forgets more."""
    learning_rate: float = setting(2e-4, "Learning rate", shown=True, gt=0, le=1)
    """Size of each update. Too high erases what the model could do; too low learns nothing."""
    per_device_train_batch_size: int = setting(8, "Rows per step", shown=True, unit="rows", ge=1, le=4096)
    """Rows that go through the model together. Larger needs more memory."""
    max_length: int = setting(512, "Longest row", shown=True, unit="tokens", ge=8, le=1_048_576)
    """Rows longer than this are cut at the end; how many is counted and shown before launch."""
    gradient_accumulation_steps: int = setting(1, "Steps per update", ge=1, le=4096)
    """Steps whose gradients are added up before the weights change: a larger batch without its memory."""
    max_steps: int = setting(-1, "Stop after", unit="updates", ge=-1, le=100_000_000)
    """Stop after this many updates; -1 means all passes over the data."""
    warmup_steps: float = setting(0.05, "Warm-up", ge=0, le=1_000_000)
    """Updates with a rising learning rate; below 1 it is a share of the run."""
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = setting(
        "linear", "Learning-rate schedule"
    )
    """How the learning rate falls during the run."""
    weight_decay: float = setting(0.0, "Weight decay", ge=0, le=1)
    """Pull of the trained weights towards zero."""
    max_grad_norm: float = setting(1.0, "Gradient clipping", ge=0, le=1e6)
    """Updates with a larger gradient norm are scaled down to it."""
    gradient_checkpointing: bool = setting(False, "Recompute activations to save memory")
    """Halves activation memory or better, for about a third more time."""
    eval_steps: float = setting(0.1, "Held-out loss every", gt=0, le=1_000_000)
    """Updates between two measurements on held-out rows; below 1 it is a share of the run."""
    save_steps: float = setting(0.1, "Checkpoint every", gt=0, le=1_000_000)
    """Updates between two checkpoints, from which a killed job resumes; below 1 it is a share of the run."""
    load_best_model_at_end: bool = setting(False, "Publish the best weights instead of the last")
    """Sets a tenth of the training rows apart, 512 at most, and publishes the weights with the lowest loss on them."""
    early_stopping_patience: int = setting(0, "Stop early after", unit="measurements", ge=0, le=100_000)
    """Stop when the loss on the rows set apart was not lowered so many times in a row; the best weights are published.
    0 means never."""
    logging_steps: int = setting(1, "Chart point every", unit="updates", ge=1, le=100_000)
    """Updates between two points of the training-loss chart."""
    seed: int = setting(42, "Seed", ge=0, le=2**32 - 1)
    """Same seed, same data and same machine: same result."""

    @property
    def chooses(self) -> bool:
        """Whether the training makes a choice, for which it needs the selection side."""
        return self.load_best_model_at_end or self.early_stopping_patience > 0

    def rows_at_once(self, _n_tokens: float) -> int:
        """How many rows of `n_tokens` each go through the model together."""
        return self.per_device_train_batch_size


@dataclass(frozen=True)
class Objective:
    """What is learned."""

    title: str
    summary: str
    params: type[TrainingParams]
    row_shapes: tuple[str, ...]
    presets: Mapping[Preset, Mapping[str, Any]]
    """Settings that each effort level overrides."""
    advised_method: str = "lora"
    """Key of the method that a form proposes first."""
    trains_prompt: bool = False
    """True: every token is learned. False: only the answers' tokens are."""
    metrics: tuple[Metric, ...] = ()
    """What its training and its verdict report besides the loss."""
    key: str = ""
    page: str = ""


FieldKind = Literal["text", "messages", "tools", "prompt", "system", "answer", "boolean"]
"""`prompt`: turns that end with a question, of which one text is one. `answer`: the assistant's text, or turns that
end with it; those before it are the prompt, or repeat it. `system`: a text that becomes the prompt's first turn."""


@dataclass(frozen=True)
class ShapeField:
    """One field of a row shape."""

    name: str
    title: str
    kind: FieldKind = "text"
    required: bool = True
    """Whether a column must be chosen for it."""
    aliases: tuple[str, ...] = ()
    """Column names, lower-cased, that usually hold this field; best guess first."""


@dataclass(frozen=True)
class RowShape:
    """What one row of a dataset holds, and how it becomes a conversation."""

    title: str
    summary: str
    fields: tuple[ShapeField, ...]
    messages: Callable[[Mapping[str, Any]], list[dict[str, Any]]] | None = None
    """The row as chat messages ending with the answer; None for plain text."""
    tools: Callable[[Mapping[str, Any]], list[dict[str, Any]]] = field(default=lambda row: list(row.get("tools") or ()))
    """The functions that the row's assistant may call, each as `{"type": "function", "function": {…}}`."""
    rejected: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = field(default=lambda _row: None)
    """The row with its bad answer in the place of the good one; itself if it has only a bad one, None without one."""
    metrics: tuple[str, ...] = ("loss",)
    """What a verdict can measure: `loss`, `exact_match`, `label_accuracy`; nothing where answers may be bad ones."""
    key: str = ""
    page: str = ""

    @property
    def judged(self) -> bool:
        """Whether rows say which answers are better. Then only the last turn is an answer, and all else its prompt."""
        return any(one.kind == "answer" for one in self.fields)
