"""Simple preference optimisation (SimPO).

**What is learned.** To find each chosen answer likelier *per token* than the rejected one, by at least a margin. As
the mean over tokens counts, not the sum, a longer answer has no advantage. Models also choose their answers by
likelihood, so the training works on what decides an answer. There is no reference model.

**When to use it.** Your chosen answers are mostly longer, and length must not be what is learned; or you prefer by
comparison alone and have no memory or time for a reference. **When not:** the base must stay as it is: nothing holds
it there, so look at what was forgotten. With few, short answers, *DPO* is safer.

**Losses.** The paper's loss only compares the two answers. On a small model, this made all answers empty, so the chosen
answers' own likelihood is added here (`cpo_alpha`); 0 gives the paper's loss.

**How much data.** Some hundreds of pairs change a habit.

**Cost.** Two sequences per row, each read once: less than DPO, which also reads them with its reference.

**Source.** Meng et al. 2024, arXiv 2405.14734, equation 6. In the paper `beta` is 2 to 2.5, and `simpo_gamma` between a
quarter of it and 1.5. The chosen answers' own likelihood is from CPO (Xu et al. 2024, arXiv 2401.08417).
"""

from __future__ import annotations

from templates import preferences
from templates.spec import Cost, Objective, TrainingParams, setting

SHARE_OF_ADVICE = 0.25
"""As a share of the learning rate that the method advises for next-token losses."""


class SimpoParams(TrainingParams):
    """Arguments of `trl.experimental.cpo.CPOConfig` with the loss `simpo`, under the same names."""

    num_train_epochs: float = setting(2.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model sees each pair. More passes drive the two answers further apart."""
    learning_rate: float = setting(5e-5, "Learning rate", shown=True, gt=0, le=1)
    """Size of each update. Use a fraction of what suits supervised fine-tuning."""
    beta: float = setting(2.0, "Scale of the difference (beta)", shown=True, gt=0, le=100)
    """How much a difference in likelihood per token counts. Usual values are 2–2.5."""
    simpo_gamma: float = setting(0.5, "Margin (gamma)", ge=0, le=100)
    """By how much the chosen answer has to win before a pair stops counting; usually a quarter of beta or more."""
    cpo_alpha: float = setting(1.0, "Weight of the chosen answers' own likelihood", ge=0, le=100)
    """The model also learns to say the chosen answers, which holds it together. 0 is the paper's loss."""
    label_smoothing: float = setting(0.0, "Share of doubtful pairs", ge=0, lt=0.5)
    """The share of pairs that you believe are the wrong way round."""


SPEC = Objective(
    title="SimPO: compare per token",
    summary="Chosen answers become likelier per token than rejected ones, by a margin, without a reference.",
    params=SimpoParams,
    row_shapes=("preference",),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 2.0},
        "thorough": {"num_train_epochs": 3.0},
    },
    goal=preferences.GOAL,
    loss_means="the loss says how far the chosen answers are from winning by the margin, plus their own loss",
    metrics=preferences.METRICS,
    headline=preferences.HEADLINE,
    learns_judgements=True,
    cost=Cost(sides=2),
    views=preferences.both_sides,
    advised=preferences.advised_share(SHARE_OF_ADVICE),
)
