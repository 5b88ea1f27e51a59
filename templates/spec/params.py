"""Settings: a declaration states the allowed values, their meaning and the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class Params(BaseModel):
    """Base class of all parameter declarations; refuses unknown keys, NaN and infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_not_one(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("use a number or a word here, not true or false")
        return value


def setting(
    default: Any,
    title: str,
    *,
    shown: bool = False,
    unit: str | None = None,
    titles: Mapping[str, str] | None = None,
    lines: int = 1,
    **bounds: Any,
) -> Any:
    """A pydantic field that a form can draw: `shown` fields are visible at first, the others folded away.

    The attribute's docstring is its help text; `bounds` are pydantic's (`gt`, `ge`, `le` …). `titles` name the values
    of a choice for people; a text may have several `lines`.
    """
    extra: dict[str, Any] = {"shown": shown}
    if titles:
        extra["titles"] = dict(titles)
    if lines > 1:
        extra["lines"] = lines
    if unit:
        extra["unit"] = unit
    return Field(default, title=title, json_schema_extra=extra, **bounds)


class TrainingParams(Params):
    """Settings of every gradient-trained objective, named as in `transformers.TrainingArguments`."""

    num_train_epochs: float = setting(3.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model sees each training row. With more passes it learns more and forgets more."""
    learning_rate: float = setting(2e-4, "Learning rate", shown=True, gt=0, le=1)
    """Size of each update. Too high, and the model forgets what it could do; too low, and it learns nothing."""
    per_device_train_batch_size: int = setting(8, "Rows per step", shown=True, ge=1, le=4096)
    """Rows that go through the model together. More rows need more memory."""
    max_length: int = setting(512, "Maximum row length", shown=True, unit="tokens", ge=8, le=1_048_576)
    """Longer rows are cut off at the end. You see how many before you launch."""
    gradient_accumulation_steps: int = setting(1, "Steps per update", ge=1, le=4096)
    """Steps whose gradients are added up before the weights change: a larger batch without its memory."""
    max_steps: int = setting(-1, "Stop after", unit="updates", ge=-1, le=100_000_000)
    """Stop after this many updates; -1 runs all passes over the data."""
    warmup_steps: float = setting(0.05, "Warm-up", ge=0, le=1_000_000)
    """Updates with a rising learning rate; below 1 it is a share of the run."""
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = setting(
        "linear", "Learning-rate schedule"
    )
    """How the learning rate falls during the run."""
    weight_decay: float = setting(0.0, "Weight decay", ge=0, le=1)
    """How strongly the trained weights are pulled towards zero."""
    max_grad_norm: float = setting(1.0, "Gradient clipping", ge=0, le=1e6)
    """Updates with a larger gradient norm are scaled down to this norm."""
    gradient_checkpointing: bool = setting(False, "Recompute activations to save memory")
    """At least halves activation memory and takes about a third more time."""
    eval_steps: float = setting(0.1, "Held-out loss every", gt=0, le=1_000_000)
    """Updates between two measurements on held-out rows; below 1 it is a share of the run."""
    save_steps: float = setting(0.1, "Checkpoint every", gt=0, le=1_000_000)
    """Updates between two checkpoints, from which a killed job resumes; below 1 it is a share of the run."""
    load_best_model_at_end: bool = setting(False, "Publish the best weights instead of the last")
    """Sets aside a tenth of the training rows, at most 512, and publishes the weights with the lowest loss on them."""
    early_stopping_patience: int = setting(0, "Stop early after", unit="measurements", ge=0, le=100_000)
    """Stop when the loss on the rows set aside has not fallen this many times in a row; the best weights are
    published. 0 means never."""
    logging_steps: int = setting(1, "Chart point every", unit="updates", ge=1, le=100_000)
    """Updates between two points of the training-loss chart."""
    seed: int = setting(42, "Seed", ge=0, le=2**32 - 1)
    """The same seed, data and machine give the same result."""

    @property
    def chooses(self) -> bool:
        """Whether the training chooses the weights to publish, on the selection side."""
        return self.load_best_model_at_end or self.early_stopping_patience > 0

    @property
    def sets_apart(self) -> bool:
        """Whether some training rows are kept apart for choices, during the training or after it."""
        return self.chooses

    @property
    def teacher_precision(self) -> Literal["none", "int8", "nf4"]:
        """The precision of the teacher's weights, for objectives that have one."""
        return "none"

    @classmethod
    def of_writing(cls) -> frozenset[str]:
        """The settings that mean something only where a teacher writes answers."""
        return frozenset()

    @property
    def reads_reference_once(self) -> bool:
        """Whether an objective's reference reads the rows before the training, not in every step."""
        return False

    @property
    def longest_sequence(self) -> int:
        """Tokens of the longest sequence that goes through the model."""
        return self.max_length

    @classmethod
    def idle_with(cls, _values: Mapping[str, Any]) -> frozenset[str]:
        """The settings that mean nothing where the others have these values; forms hide them."""
        return frozenset()

    def rows_at_once(self, _n_tokens: float) -> int:
        """Number of rows of `n_tokens` each that go through the model together."""
        return self.per_device_train_batch_size
