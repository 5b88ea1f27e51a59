"""Distillation of what a teacher computes inside.

**What is learned.** First, for a share of the training, to compute inside what the *teacher* computes: at every token,
the student's hidden states become like those of the teacher's layers, or its attention relates tokens as the
teacher's does. Then, to predict your rows' answers as the teacher predicts them.

**When to use it.** The student starts from few layers of the teacher (method *a smaller copy of the base*) or from
random weights, so that its layers have to find their work again. **When not:** the student is a good model of its own.
Then its layers divide the work in another way, and *learn a larger model's probabilities* alone does as well for less.
Or the teacher has other tokens than the student (this is refused).

**Ways.** `hidden_states`: the student's layers are spread evenly over the teacher's; at each the distance is
‖W h − h'‖², relative to the size of the teacher's states h', with a learned matrix W for each layer, which is thrown
away afterwards (TinyBERT, Jiao et al. 2019, arXiv 1909.10351, equation 8; there without the scaling). `relations`: no
matrices and any widths. In the last layer the queries of a text are multiplied with each other, and so are keys and
values; the divergence of the teacher's relations from the student's is made small (MiniLMv2, Wang et al. 2020, arXiv
2012.15828, equations 4 and 5). It needs separate projections `q_proj`, `k_proj` and `v_proj` in both models.

**Prompts alone.** Where rows have no answers, the teacher first writes them, as in *learn a larger model's answers*,
and both models read what it wrote. The verdict is measured on its answers to the held-out prompts.

**Cost.** Teacher and student are in memory together, and both read every row in every pass.
"""

from __future__ import annotations

from typing import Literal

from templates.metrics import Metric
from templates.roles import Role
from templates.spec import Cost, Objective, setting
from templates.written_answers import WrittenAnswersParams, written


class DistillFeaturesParams(WrittenAnswersParams):
    """Arguments of `transformers.TrainingArguments`, how features are compared, and how a teacher writes."""

    max_new_tokens: int = setting(256, "Longest answer of the teacher", unit="tokens", ge=1, le=32_768)
    """For prompts alone, which the teacher answers. Longer answers are cut off here, and dropped unless you leave out
    the filter `cut_off`."""

    features: Literal["hidden_states", "relations"] = setting("hidden_states", "What is compared", shown=True)
    """The states of all layers, or how the last layer's attention relates tokens."""
    feature_share: float = setting(0.3, "Share of the training for features", ge=0, le=1)
    """The rest of the updates is for predicting answers as the teacher does."""
    relation_heads: int = setting(0, "Heads of the relations", ge=0, le=256)
    """For `relations`: the number of parts in which queries, keys and values are compared; 0: the student's heads."""
    temperature: float = setting(1.0, "Temperature", gt=0, le=20)
    """Above 1, the teacher's unlikely tokens count for more. The divergence is multiplied by temperature²."""


SPEC = Objective(
    title="Learn a larger model's inner states",
    summary="Feature distillation: first hidden states or attention relations, then the teacher's probabilities.",
    params=DistillFeaturesParams,
    row_shapes=("prompt_completion", "prompt_only", "messages", "classification", "text"),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 6.0},
        "thorough": {"num_train_epochs": 10.0},
    },
    advised_method="full",
    roles=(Role.TEACHER,),
    goal="learn_from_larger",
    without_teacher=("sft", "continue_pretraining"),
    same_vocabulary=True,
    teacher_writes=written,
    writes_to=lambda shape: not shape.has_answers,
    loss_means="the held-out loss is the distance to the teacher; the training loss is at first that of the features",
    metrics=(Metric("feature_distance", "Distance of the features", higher_is_better=False),),
    cost=Cost(forwards=2, holds_teacher=True),
)
