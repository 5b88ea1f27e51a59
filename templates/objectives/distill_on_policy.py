"""Distillation on the student's own answers.

**What is learned.** The student answers your prompts itself, and at each token of its answer it learns what the
*teacher*, a larger or better model, would have said there. So it learns to recover from its own mistakes, which it
never sees while it only reads answers that others wrote.

**When to use it.** The student can already do the task somewhat, and the teacher does it well. It needs prompts only:
your rows' own answers are not learned; they serve for the verdict. **When not:** the student's answers are so poor that
the teacher has nothing to say about them: begin with *learn from a larger model* or with supervised fine-tuning. Or the
teacher has other tokens than the student (this is refused).

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

from collections.abc import Mapping
from typing import Any, Literal

from templates.metrics import Metric
from templates.roles import Role
from templates.spec import BaseFacts, Cost, Objective, TrainingParams, setting

Divergence = Literal["forward_kl", "reverse_kl", "jsd", "skew_forward", "skew_reverse"]
SHARE_OF_ADVICE = 0.5
"""As a share of the learning rate that the method advises for next-token losses."""


class OnPolicyParams(TrainingParams):
    """The names are TRL's (`DistillationConfig`) where it has the setting."""

    num_train_epochs: float = setting(1.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the student answers each prompt. It writes another answer every time."""
    max_completion_length: int = setting(128, "Longest answer", shown=True, unit="tokens", ge=1, le=32_768)
    """The student's answers are cut off here."""
    mask_truncated_completions: bool = setting(True, "Leave out answers that were cut off")
    """An answer without its end teaches the student never to end."""
    divergence: Divergence = setting("reverse_kl", "Distance to the teacher")
    """What is made small at each token."""
    temperature: float = setting(1.0, "Temperature", gt=0, le=20)
    """Of the answers that the student writes, and of both distributions. Lower values keep to likelier answers."""
    beta: float = setting(0.5, "Share of the teacher in the mixture (beta)", gt=0, lt=1)
    """For `jsd`: near 0 it is like forward KL, near 1 like reverse KL."""
    alpha: float = setting(0.1, "Skew (alpha)", gt=0, lt=1)
    """For `skew_forward` and `skew_reverse`: how much of the one distribution is mixed into the other."""


def advised(_facts: BaseFacts, of_method: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the method's rate: each step's rows are new, so their gradients are noisier."""
    rate = of_method.get("learning_rate")
    return {} if rate is None else {"learning_rate": SHARE_OF_ADVICE * rate}


METRICS = (
    Metric("teacher_distance", "Distance to the teacher on own answers", "nats", higher_is_better=False),
    Metric("completions/mean_length", "Length of the answers written", "tokens"),
    Metric("completions/clipped_ratio", "Answers cut off", "%", higher_is_better=False),
)

SPEC = Objective(
    title="Learn from a larger model by trying",
    summary="On-policy distillation: the student answers your prompts, and learns what a teacher would have said.",
    params=OnPolicyParams,
    row_shapes=("prompt_completion", "messages", "classification"),
    presets={
        "quick": {"num_train_epochs": 0.5},
        "balanced": {"num_train_epochs": 1.0},
        "thorough": {"num_train_epochs": 3.0},
    },
    roles=(Role.TEACHER,),
    same_vocabulary=True,
    metrics=METRICS,
    cost=Cost(forwards=2, generations=1, holds_teacher=True),
    advised=advised,
)
