"""Distillation from the probabilities of a teacher with other tokens (experimental).

**What is learned.** To predict the answers in your rows as the *teacher* predicts them, although the teacher divides
text into other tokens than the student. Each reads a row in its own tokens and its own chat template. Where both have
a token that ends at the same place of an answer, their probabilities are compared; tokens in between are merged, by
the product of their probabilities.

**When to use it.** The model that does the task well is of another family than the one you want to run. **When not:**
teacher and student have the same tokens (*learn a larger model's probabilities* is exact and cheaper), or you need
something tried and tested: then *learn a larger model's answers*, which works with any tokens, too.

**Prompts alone.** Where rows have no answers, the teacher first writes them, as in *learn a larger model's answers*,
and both models read what it wrote. The verdict is measured on its answers to the held-out prompts.

**How tokens are compared.** Tokens that stand for the same text in both vocabularies (and the tokens that end answers)
are compared one by one, by a generalised Jensen-Shannon divergence; `beta` 0 makes it forward KL, 1 reverse KL. All
other tokens are compared by their rank: the sorted probabilities of the one with those of the other, by the sum of
their differences. The more tokens are shared, the more the first part counts. Without `uld_use_hybrid_loss`, all are
compared by rank.

**Experimental.** The loss is TRL's (`trl.experimental.gold`), which may change with its next version. Rows whose
answers the two chat templates write differently, such as calls of tools, can't be compared; the verdict counts them.

**Cost.** Teacher and student are in memory together, and both read every row in every pass. The loss compares whole
vocabularies, row by row, so it can cost as much as the models.

**Source.** Boizard et al. 2024, arXiv 2402.12030 (universal logit distillation, by rank); tokens that both know, and
merged ones: TRL's GOLD (Patiño et al. 2025).
"""

from __future__ import annotations

from templates.metrics import Metric
from templates.roles import Role
from templates.spec import Cost, Objective, setting
from templates.written_answers import WrittenAnswersParams, written


class DistillGoldParams(WrittenAnswersParams):
    """The names are TRL's (`GOLDConfig`) where it has the setting."""

    max_new_tokens: int = setting(256, "Longest answer of the teacher", unit="tokens", ge=1, le=32_768)
    """For prompts alone, which the teacher answers. Longer answers are cut off here, and dropped unless you leave out
    the filter `cut_off`."""

    ce_share: float = setting(0.0, "Share of the rows' own answers", shown=True, ge=0, lt=1)
    """The share of the loss that comes from the answers in your rows. Use 0.1–0.5 if they are right."""
    uld_use_hybrid_loss: bool = setting(True, "Compare shared tokens one by one")
    """Tokens that both models know are compared with each other, only the others by their rank."""
    beta: float = setting(0.5, "Share of the teacher in the mixture (beta)", ge=0, le=1)
    """For shared tokens: 0 is forward KL, 1 reverse KL, in between a mixture."""
    temperature: float = setting(1.0, "Temperature", gt=0, le=20)
    """Of both models' probabilities. Above 1, unlikely tokens count for more."""


SPEC = Objective(
    title="Learn from a model with other tokens (experimental)",
    summary="Universal logit distillation: a teacher of another family, whose tokens are matched with the student's.",
    params=DistillGoldParams,
    row_shapes=("prompt_completion", "prompt_only", "messages", "classification"),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 6.0},
        "thorough": {"num_train_epochs": 10.0},
    },
    roles=(Role.TEACHER,),
    goal="learn_from_larger",
    without_teacher=("sft",),
    teacher_writes=written,
    writes_to=lambda shape: not shape.has_answers,
    metrics=(Metric("teacher_distance", "Distance to the teacher", higher_is_better=False),),
    loss_means="the loss is the distance to the teacher, and your rows’ own answers if they have a share",
    cost=Cost(forwards=2, holds_teacher=True),
)
