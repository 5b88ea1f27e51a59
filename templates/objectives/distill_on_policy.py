"""Distillation on the student's own answers.

**What is learned.** The student answers your prompts itself, and at each token of its answer it learns what the
*teacher*, a larger or better model, would have said there. So it learns to recover from its own mistakes, which it
never sees while it only reads answers that others wrote.

**When to use it.** The student can already do the task somewhat, and the teacher does it well. It needs prompts only:
your rows' own answers are not learned; they serve for the verdict. Where rows have no answers, the teacher answers the
held-out prompts once before the training, with the student's limit on length. The verdict says how near the student
came to these answers. The teacher also answers up to 64 training prompts, because the result must beat its most
frequent answer.

**When not:** the student's answers are so poor that the teacher has nothing to say about them: begin with *learn a
larger model's probabilities* or with supervised fine-tuning. Or the teacher has other tokens than the student (this is
refused).

**Divergences**, with teacher p and student q at a token. `reverse_kl`: KL(q ‖ p), which settles on what the teacher
finds likely (Gu et al. 2023, arXiv 2306.08543). `forward_kl`: KL(p ‖ q), which covers all that the teacher might say.
`jsd`: β KL(p ‖ m) + (1 − β) KL(q ‖ m) with m = βp + (1 − β)q.

**Answers that are cut off** at the longest length are not learned from, unless you switch that off: where they would
have ended is unknown. The chart shows their share.

**Cost.** In every step the student writes an answer to each prompt, token by token, and both models read it. Teacher
and student are in memory together. A step takes several times as long as one of supervised fine-tuning.

**Source.** Agarwal et al. 2023, arXiv 2306.13649 (GKD), with λ = 1.
"""

from __future__ import annotations

from templates.own_answers import METRICS, OwnAnswersParams, advised
from templates.roles import Role
from templates.spec import Cost, Objective, Written


class DistillOnPolicyParams(OwnAnswersParams):
    """Nothing of its own: the settings of every training on own answers."""


def _for_the_verdict(params: DistillOnPolicyParams) -> Written:
    """The likeliest answer to each held-out prompt; one that was cut off counts where the student may learn such."""
    filters: dict[str, dict[str, object]] = {"cut_off": {}} if params.mask_truncated_completions else {}
    return Written(n_answers=1, max_new_tokens=params.max_completion_length, filters=filters)


SPEC = Objective(
    title="Learn from a larger model by trying",
    summary="On-policy distillation: the student answers your prompts, and learns what a teacher would have said.",
    params=DistillOnPolicyParams,
    row_shapes=("prompt_completion", "prompt_only", "messages", "classification"),
    presets={
        "quick": {"num_train_epochs": 0.5},
        "balanced": {"num_train_epochs": 1.0},
        "thorough": {"num_train_epochs": 3.0},
    },
    roles=(Role.TEACHER,),
    goal="learn_from_larger",
    without_teacher=("sft",),
    same_vocabulary=True,
    teacher_writes=_for_the_verdict,
    writes_to=lambda shape: not shape.has_answers,
    learns_written=False,
    loss_means="the loss is the distance to the teacher on the student’s own answers",
    metrics=METRICS,
    learned_instead="No answer of this row is learned: the model writes its own, and learns what the teacher would "
    "have said in its place.",
    cost=Cost(forwards=2, generations=1, holds_teacher=True),
    advised=advised,
)
