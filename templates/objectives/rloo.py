"""REINFORCE leave-one-out (RLOO): answers that are rewarded more become likelier, without leaving the base.

**What is learned.** As with *GRPO*, the model answers each prompt several times and is rewarded for the checks that
each answer passes, or by a reward model's score. An answer is compared with the mean of the *other* answers to the same
prompt, and whole answers are weighted, not tokens. The distance to the base is part of the reward, so the result stays
nearer to it.

**When to use it.** As GRPO, where the model should keep its way of speaking; above all with a reward model, whose
mistakes are easier to exploit far away from the base. **When not:** the base hardly ever passes; then
first fine-tune on examples.

**How much data.** Some hundreds of prompts. Prompts that the model always or never gets right teach little.

**The checks** are those of GRPO; `studio verifiers` lists them. **A reward model** rewards as with GRPO, and the
verdict is the same.

**Cost.** As GRPO, and each answer is read three times more: by the model before the update, by the base, and in the
update. The base is the model with the adapter switched off, which is why the method must be an adapter, unless `beta`
is 0.

**Source.** Ahmadian et al. 2024, arXiv 2402.14740.
"""

from __future__ import annotations

from templates import rewards
from templates.spec import Cost, Objective, setting


class RlooParams(rewards.RewardedParams):
    """Arguments of `trl.RLOOConfig`, under the same names, and the checks."""

    beta: float = setting(0.05, "Nearness to the base (beta)", ge=0, le=100)
    """The distance to the base, multiplied by this, is subtracted from the reward. Higher values keep the result nearer
    to the base."""
    normalize_advantages: bool = setting(False, "Scale by the spread of a step")
    """Divide the answers' advantages by their spread in the step."""


SPEC = Objective(
    title="RLOO: stay near the base",
    summary="Each answer is compared with the others’ mean; the distance to the base is subtracted from the reward.",
    params=RlooParams,
    cost=Cost(forwards=3, reference_forwards=1, generations=1),
    **rewards.SHARED,
)
