"""Group relative policy optimisation (GRPO): answers that are rewarded more than others become likelier.

**What is learned.** The model answers each prompt several times. Each answer is rewarded for the checks that it passes,
or by a reward model's score, and compared with the other answers to the same prompt: better ones become likelier, worse
ones less likely. Your rows' own answers are never learned; checks compare with them.

**When to use it.** A check can tell a good answer, and the base passes now and then: sums, extraction into a fixed
form, labels, lengths. Or no check can, but you have a reward model made from people's judgements. **When not:** the
base never passes: then no answer is ever better than another, and nothing is learned. First fine-tune on examples
(*supervised fine-tuning*), then go on from the result with this.

**How much data.** Some hundreds of prompts. Prompts that the model always or never gets right teach nothing: the chart
“Prompts whose answers were all rewarded alike” shows their share.

**The checks.** `exact_answer`, `label` and `number_equals` compare with the row's answer; `regular_expression`,
`json_schema` and `length` need none. With several, the reward is the sum of the weights of those that passed. A model
does exactly what is rewarded, and no more: if only the length is rewarded, it may say anything of that length.

**A reward model** (a result of the objective `reward`, on any base) scores answers in place of checks or beside them.
Its raw score, multiplied by `reward_model_weight`, is added to the reward. Answers that were cut off are not learned,
and count no more than the lowest-scored of the others, so ending an answer never costs anything. The model learns what
the reward model likes, mistakes included: if that likes length, answers get longer. Keep `beta` above 0, or use *RLOO*.

**Cost.** Mostly writing: `num_generations` answers to each prompt in every pass, each up to `max_completion_length`
tokens long. Each answer is then learned like a row. With `beta` above 0, the base reads the answers too. A reward model
stays in memory and reads each answer once.

**The verdict** compares how often base and result pass on held-out prompts, answered once without randomness. With a
reward model alone, it says on how many prompts the result's answer scores higher than the base's, with both mean scores
and lengths. That score is what was trained, so let people compare the answers blind as well.

**Source.** Shao et al. 2024, arXiv 2402.03300; by default with the loss of DAPO (Yu et al. 2025, arXiv 2503.14476).
Little capacity is enough: Schulman et al. 2025, “LoRA Without Regret”, Thinking Machines Lab.
"""

from __future__ import annotations

from typing import Literal

from templates import rewards
from templates.spec import Cost, Objective, setting


class GrpoParams(rewards.RewardedParams):
    """Arguments of `trl.GRPOConfig`, under the same names, and the checks."""

    beta: float = setting(0.0, "Nearness to the base (beta)", ge=0, le=100)
    """Above 0, the distance to the base on the answers is added to the loss. 0 needs no base beside the model."""
    loss_type: Literal["dapo", "grpo", "bnpo", "dr_grpo"] = setting("dapo", "Loss")
    """How the tokens of long and short answers count. `dapo`: each token alike; `grpo`: each answer alike, whatever its
    length; `bnpo` and `dr_grpo`: as TRL's documentation of `GRPOConfig` says."""
    scale_rewards: Literal["group", "batch", "none"] = setting("group", "Scale rewards by their spread")
    """`group`: over the answers to a prompt, so that rare passes count more. `batch`: over a step."""


SPEC = Objective(
    title="GRPO: compare several answers",
    summary="Of several answers to a prompt, those that are rewarded more become likelier than the others.",
    params=GrpoParams,
    cost=Cost(forwards=1, generations=1),
    **rewards.SHARED,
)
