"""A reward model: it scores answers as the people who judged your rows would, and writes none.

**What is learned.** One number for an answer to a prompt. In each pair the chosen answer gets a higher score than the
rejected one; nothing else is asked of the scores, so they have no unit. Only the difference between two answers to the
same prompt means something.

**When to use it.** To rank a model's answers, to choose the best of several, or as the reward of a training that lets a
model try answers. **When not:** you want better answers right away: then learn from the same pairs with *DPO*, which
needs no second model. A few hundred pairs that a rule could judge are better judged by the rule.

**What you get.** The model under your base with a score head in place of its output head. It can't be chatted with;
the page Score, `studio score` and the chat server give scores. The verdict says how often it puts the chosen answer
first, on held-out pairs, beside the trivial rule that fits your rows better: longer wins, or shorter wins. It also says
how far scores rise with length, because length is what reward models learn by mistake most often.

**How much data.** Some hundreds of pairs for one clear habit, thousands for general quality. Pairs in which the longer
answer loses teach it that length is not the point.

**Cost.** Two sequences per row, each read once; there is no reference model and no answer is generated.

**Source.** Ouyang et al. 2022, arXiv 2203.02155, equation 1; the centring of the scores: Eisenstein et al. 2023, arXiv
2312.09244; length as a shortcut: Singhal et al. 2023, arXiv 2310.03716.
"""

from __future__ import annotations

from templates import preferences
from templates.metrics import Metric
from templates.spec import Cost, Need, Objective, TrainingParams, setting

SHARE_OF_ADVICE = 0.5
"""As a share of the learning rate that the method advises for next-token losses: 1e-4 for LoRA on a large base."""
SCORE_HEAD = Need(
    lambda method, settings: method.trains_new_head and not method.moves_base(settings),
    "puts a new head on the base and trains it together with the method",
)


class RewardParams(TrainingParams):
    """Arguments of `trl.RewardConfig`, under the same names."""

    num_train_epochs: float = setting(1.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model sees each pair. More passes make it sure of pairs that it has seen, not of others."""
    learning_rate: float = setting(1e-4, "Learning rate", shown=True, gt=0, le=1)
    """Size of each update."""
    center_rewards_coefficient: float = setting(0.01, "Centring of the scores", ge=0, le=10)
    """Pulls the mean score of a pair towards 0, so that scores of different prompts stay in one range."""


SPEC = Objective(
    title="Score answers like a judge",
    summary="Trains a reward model: it scores answers as the people who judged your pairs would, and writes none.",
    params=RewardParams,
    row_shapes=("preference",),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 2.0},
        "thorough": {"num_train_epochs": 3.0},
    },
    makes=("reward_model", "full_reward_model"),
    needs=(SCORE_HEAD,),
    loss_means="the loss says how surely the chosen answer scores higher than the rejected one",
    metrics=(
        Metric("accuracy", "Pairs ranked as wanted", "%"),
        Metric("margin", "Score of the chosen answer minus that of the rejected one"),
        Metric("mean_reward", "Mean score", higher_is_better=None),
    ),
    headline=preferences.HEADLINE,
    learns_judgements=True,
    cost=Cost(sides=2),
    views=preferences.both_sides,
    advised=preferences.advised_share(SHARE_OF_ADVICE),
)
