"""Self-distillation: learning new answers without forgetting the old ones.

**What is learned.** The model's own teacher is the model itself, shown the right answer: it reads each prompt together
with your row's answer and so knows what to say, in its own words. Without the answer in its prompt, the model writes an
answer and learns, at each token, what it would have said with it. So it takes over what your rows know but keeps its
own way of speaking, and the more of what it could do before.

**When to use it.** You have questions with answers, and the model must keep its other abilities. The model must be able
to use an answer that it is shown: chat models of some size can. **When not:** it can't (the bundled small models
hardly can: compare the verdict with supervised fine-tuning), or the answers are labels of a fixed form that it has to
hit exactly.

**Cost.** As distillation on own answers, without a second model in memory: the teacher is the base behind the adapter,
which is why the method must be an adapter.

**Source.** Shenfeld et al. 2026, arXiv 2601.19897 (SDFT). The wording around the answer is ours.
"""

from __future__ import annotations

from templates.own_answers import METRICS, Divergence, OwnAnswersParams, advised
from templates.spec import BASE_BEHIND_ADAPTER, Cost, Objective, setting


class SelfDistillParams(OwnAnswersParams):
    """The names are TRL's (`DistillationConfig`, `SDFTConfig`) where they have the setting."""

    divergence: Divergence = setting("reverse_kl", "Distance to the model that was shown the answer")
    """What is made small at each token."""


SPEC = Objective(
    title="Learn answers and keep the rest",
    summary="Self-distillation: the model, shown your row's answer, teaches itself to say it unaided.",
    params=SelfDistillParams,
    row_shapes=("prompt_completion", "messages", "classification"),
    presets={
        "quick": {"num_train_epochs": 0.5},
        "balanced": {"num_train_epochs": 1.0},
        "thorough": {"num_train_epochs": 3.0},
    },
    without_teacher=("sft",),
    needs=(BASE_BEHIND_ADAPTER,),
    loss_means="the loss is the distance to what the model says when it is shown the answer",
    metrics=METRICS,
    learned_instead="This row's answer is not learned as it stands: the model writes its own, and learns what it would "
    "have said with this answer in its prompt.",
    cost=Cost(forwards=2, generations=1),
    advised=advised,
)
