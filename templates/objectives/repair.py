"""Repair: brings back what a result forgot.

**What is learned.** A model that learned your task may have forgotten other things that its base could do. Here the
*result* answers general prompts itself, and at each token of its answers it learns what its untouched *base* would have
said there. Some rows of the task are learned beside that, so that the task is kept.

**When to use it.** The verdict says that general abilities were lost, and you want to keep what was learned. It needs
prompts that have nothing to do with the task; those that the base wrote itself suit best (`studio replay`). **When
not:** you are about to train anyway: then replay the same rows during the training (“Keep what it knew”), which needs
no second training. Or the task itself contradicts what the base would say.

**How.** Name the result as the base, and the prompts as data: `studio train --base RESULT --objective repair --data
PROMPTS`. The task's rows are those that the result learned; `--data TASK --replay PROMPTS` names others. A tenth of the
prompts is set apart: the chart shows the distance to the base on them. The result's own adapter is trained further, and
its base behind it is the teacher, so no second model is in memory. If the adapter can't be trained further, it is
merged first, and the base is loaded beside it.

**The verdict** says what came back (general abilities, against the result that was repaired and against the base) and
what it cost (the task's held-out rows).

**Answers that are cut off** at the longest length are not learned from, unless you switch that off. The chart shows
their share.

**Source.** Agarwal et al. 2023, arXiv 2306.13649 (learning on own answers); Lu et al. 2025, “On-Policy Distillation”,
Thinking Machines Lab (bringing back lost behaviour that way).
"""

from __future__ import annotations

from templates.metrics import Metric
from templates.own_answers import OwnAnswersParams, advised
from templates.spec import Cost, Need, Objective, setting

KEEPS_START = Need(
    lambda method, _settings: method.trains == "adapter" or method.starts_at_base,
    "goes on from a result, of which this method would leave nothing",
)


class RepairParams(OwnAnswersParams):
    """The names are TRL's (`DistillationConfig`) where it has the setting."""

    num_train_epochs: float = setting(2.0, "Passes over the prompts", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model answers each prompt. It writes another answer every time."""
    per_device_train_batch_size: int = setting(16, "Rows per step", ge=1, le=4096)
    """Prompts and rows of the task that go through the model together. More rows need more memory."""
    task_share: float = setting(0.5, "Share of the task’s rows", shown=True, ge=0, lt=0.95)
    """Of all that is learned, the share of rows that the result was trained on. They keep the task; 0 learns none."""


SPEC = Objective(
    title="Repair what a result forgot",
    summary="The result answers general prompts, and learns again what its untouched base would have said.",
    params=RepairParams,
    row_shapes=("prompt_completion", "messages", "classification"),
    mixes=True,
    repairs=True,
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 2.0},
        "thorough": {"num_train_epochs": 6.0},
    },
    needs=(KEEPS_START,),
    loss_means="the loss is the distance to the base on the model’s own answers; in training, with the task’s rows "
    "beside it",
    metrics=(
        Metric("completions/mean_length", "Length of the answers written", "tokens", higher_is_better=None),
        Metric("completions/clipped_ratio", "Answers cut off", "%", higher_is_better=False),
    ),
    cost=Cost(forwards=2, generations=1),
    advised=advised,
)
