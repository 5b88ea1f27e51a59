"""Odds-ratio preference optimisation (ORPO).

**What is learned.** Two things at once: to say the chosen answers, as in supervised fine-tuning, and to find them
likelier than the rejected ones, by the ratio of their odds. There is no reference model: what keeps the result sane
is that it learns whole good answers. Of all ways measured here it forgot least.

**When to use it.** The chosen answers are worth learning word for word, not only better than the others: then this is
fine-tuning and preference learning in one step, on any method, full fine-tuning too. **When not:** the chosen answers
are only the lesser evil (use *DPO*), or the base must otherwise stay as it is: without a reference nothing holds
it there, so look at what was forgotten.

**How much data.** As for fine-tuning on the chosen answers, some hundreds of pairs for a habit.

**Cost.** Two sequences per row, each read once: less than DPO, which also reads them with its reference.

**Source.** Hong et al. 2024, arXiv 2403.07691, equations 6 and 7. Only the answers' tokens are learned, as in
the paper; TRL's trainer would also learn the prompts.
"""

from __future__ import annotations

from templates import preferences
from templates.spec import Cost, Objective, TrainingParams, setting

SHARE_OF_ADVICE = 0.25
"""As a share of the learning rate that the method advises for next-token losses."""


class OrpoParams(TrainingParams):
    """Arguments of `trl.experimental.orpo.ORPOConfig`, under the same names."""

    num_train_epochs: float = setting(2.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model sees each pair."""
    learning_rate: float = setting(5e-5, "Learning rate", shown=True, gt=0, le=1)
    """Size of each update."""
    beta: float = setting(0.1, "Weight of the preference (beta)", shown=True, gt=0, le=100)
    """The paper's λ: how much the ratio of the odds counts beside saying the chosen answer."""


SPEC = Objective(
    title="ORPO: learn the chosen answers as well",
    summary="Fine-tuning on the chosen answers and away from the rejected ones in one step, without a reference.",
    params=OrpoParams,
    row_shapes=("preference",),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 2.0},
        "thorough": {"num_train_epochs": 4.0},
    },
    goal=preferences.GOAL,
    loss_means="the loss is that of the chosen answers plus how little they are preferred",
    metrics=preferences.METRICS,
    headline=preferences.HEADLINE,
    learns_judgements=True,
    cost=Cost(sides=2),
    views=preferences.both_sides,
    advised=preferences.advised_share(SHARE_OF_ADVICE),
)
