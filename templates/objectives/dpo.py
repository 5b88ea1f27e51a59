"""Direct preference optimisation (DPO).

**What is learned.** To prefer one answer over another: in each pair the chosen answer becomes likelier
and the rejected one less likely, both measured against the base model. The result stays near the base.
You need no reward model and no sampling.

**When to use it.** You can say which of two answers is better, but not write the perfect one: tone,
length, refusals, politeness. **When not:** to teach new facts or a format that the base can't produce
yet: then first *supervised fine-tuning* on the chosen answers.

**How much data.** Some hundreds of pairs change a habit. The two answers should differ in what matters
and in little else: if the chosen ones are always longer, the model learns length.

**Losses.** `sigmoid` is the paper's. Adding `sft` keeps the chosen answers likely; without it, small
models collapse into repeating what was preferred (Pang et al. 2024, arXiv 2404.19733). The
other losses and their sources are in TRL's documentation of `DPOConfig`.

**Cost.** Two sequences per row, each read by the model and by its reference. The reference is the base
itself with the adapter switched off, so it takes no memory; this is why the method must be an adapter.

**Source.** Rafailov et al. 2023, arXiv 2305.18290, equation 7.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationInfo, field_validator

from templates import preferences
from templates.spec import BASE_BEHIND_ADAPTER, REFERENCE_BESIDE, Cost, Objective, TrainingParams, setting

Loss = Literal[
    "sigmoid",
    "sft",
    "sigmoid_norm",
    "hinge",
    "ipo",
    "robust",
    "nca_pair",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
]
SHARE_OF_ADVICE = 0.25
"""As a share of the learning rate that the method advises for next-token losses."""


class DpoParams(TrainingParams):
    """Arguments of `trl.DPOConfig`, under the same names."""

    num_train_epochs: float = setting(2.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model sees each pair. More passes drive the two answers further apart and away from the base."""
    learning_rate: float = setting(5e-5, "Learning rate", shown=True, gt=0, le=1)
    """Size of each update. Use a fraction of what suits supervised fine-tuning."""
    beta: float = setting(0.1, "Nearness to the base (beta)", shown=True, gt=0, le=100)
    """Higher keeps the result nearer to the base; lower follows the preferences further."""
    loss_type: list[Loss] = setting(["sigmoid", "sft"], "Losses", min_length=1)
    """The losses to add up. `sigmoid` alone is the paper's DPO."""
    loss_weights: list[float] = setting([1.0, 1.0], "Weights of the losses", min_length=1)
    """One weight per loss, in the same order."""
    label_smoothing: float = setting(0.0, "Share of doubtful pairs", ge=0, lt=0.5)
    """The share of pairs that you believe are the wrong way round."""
    precompute_ref_log_probs: bool = setting(False, "Read the reference once, before training")
    """Takes one extra pass over all pairs at the start, then halves the forward work of every pass."""

    @property
    def reads_reference_once(self) -> bool:
        """As `precompute_ref_log_probs` says."""
        return self.precompute_ref_log_probs

    @field_validator("loss_type")
    @classmethod
    def _each_once(cls, value: list[Loss]) -> list[Loss]:
        if len(set(value)) < len(value):
            raise ValueError("the same loss is listed twice")
        return value

    @field_validator("loss_weights")
    @classmethod
    def _one_for_each(cls, value: list[float], info: ValidationInfo) -> list[float]:
        n_losses = len(info.data.get("loss_type", value))
        if len(value) != n_losses:
            raise ValueError(f"give one weight per loss: {n_losses}, not {len(value)}")
        return value


SPEC = Objective(
    title="DPO: stay near the base",
    summary="Direct preference optimisation: chosen answers gain on rejected ones, compared with the base.",
    params=DpoParams,
    row_shapes=("preference",),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 2.0},
        "thorough": {"num_train_epochs": 3.0},
    },
    goal=preferences.GOAL,
    needs=(BASE_BEHIND_ADAPTER, REFERENCE_BESIDE),
    loss_means="the loss says how surely chosen answers are preferred, plus their own loss with the loss “sft”",
    metrics=preferences.METRICS,
    headline=preferences.HEADLINE,
    learns_judgements=True,
    cost=Cost(sides=2, forwards=2, reference_forwards=1),
    views=preferences.both_sides,
    advised=preferences.advised_share(SHARE_OF_ADVICE),
)
