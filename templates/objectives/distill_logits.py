"""Distillation from a teacher's probabilities.

**What is learned.** To predict the answers in your rows as a larger or better model, the *teacher*, predicts them: at
each token of an answer the student learns the teacher's probability of every possible next token, not only the token
in the row. Which wrong answers are nearly right tells more than the right answer alone.

**When to use it.** A larger model, or one that you adapted, does the task well, and you want a smaller one that does it
nearly as well. It pays most where labels are few or noisy: many rows from the same domain beat more passes over few.
**When not:** the teacher has other tokens than the student (this is refused: *learn a larger model's answers* or
*learn from a model with other tokens* instead), or it is no better than the student. Where your rows' own answers are
right and plenty, plain supervised fine-tuning often does as well; the verdict shows the teacher's score as the line to
reach.

**How.** First the teacher alone reads all rows once, and what it says is kept on disk; then it leaves the memory, and
the student is trained at nearly the pace of supervised fine-tuning. Later jobs with the same teacher, rows,
instruction and temperature find it there. Teacher and student read the same tokens, in the student's chat template.

**Prompts alone.** Where rows have no answers, the teacher first writes them, as in *learn a larger model's answers*:
with the same settings of decoding and the same filters, in a stage of its own, sealed in groups. Then it reads what it
wrote. The verdict is measured on its answers to the held-out prompts. Rows with answers keep theirs, and these settings
have no effect.

**What is kept of the teacher.** *Sampling*: a few tokens drawn at random, likely ones surely, each with a weight that
is its probability on average; so the student's loss and its gradient are right on average (Random Sampling KD,
Anshumann et al. 2025, arXiv 2503.16870; here without replacement, which varies less for the same room). It allows
forward KL only. *Top k*: the k likeliest tokens and the probability of all others together, which hides differences
among the others. *Full*: everything, two bytes per token of the vocabulary, for small vocabularies or few rows. The
verdict says how far the result is from the teacher by what was kept and by full distributions, on one row in a
hundred. With many passes over few rows the student learns the draws themselves, so that the first is too small and the
result ends farther away: prefer more rows, or top k.

**Divergences**, with teacher p and student q at a token. `forward_kl`: KL(p ‖ q), which covers all that the teacher
might say (Hinton et al. 2015, arXiv 1503.02531). `reverse_kl`: KL(q ‖ p), which settles on its likeliest answers.
`jsd`: β KL(p ‖ m) + (1 − β) KL(q ‖ m) with m = βp + (1 − β)q (GKD, Agarwal et al. 2023, arXiv 2306.13649, equation 1).
`skew_forward`: KL(p ‖ αp + (1 − α)q) and `skew_reverse`: KL(q ‖ (1 − α)p + αq), whose gradients stay bounded
(DistiLLM, Ko et al. 2024, arXiv 2402.03898, section 3.1).

**Temperature.** Above 1, both distributions are flattened, and small probabilities count for more. The divergence is
multiplied by temperature², as in Hinton et al., so that its gradient keeps its size beside the rows' own answers;
TRL doesn't do that.

**The loss in the chart** is the distance to the teacher: the divergence, plus the share of the rows' own answers.

**Cost.** One forward pass of the teacher over all rows, once; then that of supervised fine-tuning. Teacher and student
are never in memory together.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationInfo, field_validator

from templates.metrics import Metric
from templates.roles import Role
from templates.spec import BaseFacts, Objective, setting
from templates.written_answers import WrittenAnswersParams, written

Divergence = Literal["forward_kl", "reverse_kl", "jsd", "skew_forward", "skew_reverse"]
Kept = Literal["sampling", "top_k", "full"]
STAGE = "reading the teacher"
SHORT_IDS = 65_536
"""Vocabularies of at most this size need two bytes for a token's id; others three."""
ENTROPY_BYTES = 2


class DistillLogitsParams(WrittenAnswersParams):
    """The names are TRL's (`DistillationConfig`) where it has the setting."""

    max_new_tokens: int = setting(256, "Longest answer of the teacher", unit="tokens", ge=1, le=32_768)
    """For prompts alone, to which the teacher writes the answers. They are cut off here, and dropped then unless you
    leave out the filter `cut_off`."""

    teacher_cache: Kept = setting("sampling", "What is kept of the teacher")
    """`sampling`: random draws, right on average and small. `top_k`: the likeliest tokens. `full`: everything."""
    divergence: Divergence = setting("forward_kl", "Distance to the teacher")
    """What is made small. All but forward_kl need `top_k` or `full`."""
    temperature: float = setting(1.0, "Temperature", gt=0, le=20)
    """Above 1, unlikely tokens count for more. What is kept of the teacher holds for this temperature only."""
    ce_share: float = setting(0.0, "Share of the rows' own answers", shown=True, ge=0, lt=1)
    """The share of the loss that comes from the answers in your rows. Use 0.1–0.5 if they are right."""
    draws: int = setting(11, "Tokens drawn per token", ge=1, le=4096)
    """For `sampling`: tokens drawn from the teacher at each place. With fewer, the gradient is noisier."""
    top_k: int = setting(64, "Tokens kept per token", ge=1, le=4096)
    """For `top_k`: how many of the likeliest tokens are kept at each place."""
    beta: float = setting(0.5, "Share of the teacher in the mixture (beta)", gt=0, lt=1)
    """For `jsd`: near 0 it is like forward KL, near 1 like reverse KL."""
    alpha: float = setting(0.1, "Skew (alpha)", gt=0, lt=1)
    """For `skew_forward` and `skew_reverse`: how much of the one distribution is mixed into the other."""

    @field_validator("divergence")
    @classmethod
    def _defined_on_what_is_kept(cls, value: Divergence, info: ValidationInfo) -> Divergence:
        if value != "forward_kl" and info.data.get("teacher_cache") == "sampling":
            raise ValueError(
                f"{value} needs the teacher's probability of every token, and a sample has it only for the tokens "
                "drawn: set teacher_cache to top_k or full, or choose forward_kl"
            )
        return value


def _kept_bytes(params: DistillLogitsParams, facts: BaseFacts) -> float:
    id_bytes = 2 if facts.vocab_size <= SHORT_IDS else 3
    if params.teacher_cache == "full":
        return 2.0 * facts.vocab_size
    if params.teacher_cache == "top_k":
        return float(min(params.top_k, facts.vocab_size) * (id_bytes + 2) + 2)
    return float(min(params.draws, facts.vocab_size) * (id_bytes + 2) + ENTROPY_BYTES)


SPEC = Objective(
    title="Learn a larger model's probabilities",
    summary="Distillation: learns to predict your rows' answers as a teacher does, whose probabilities are read once.",
    params=DistillLogitsParams,
    row_shapes=("prompt_completion", "prompt_only", "messages", "classification", "text"),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 6.0},
        "thorough": {"num_train_epochs": 10.0},
    },
    roles=(Role.TEACHER,),
    goal="learn_from_larger",
    without_teacher=("sft", "continue_pretraining"),
    same_vocabulary=True,
    stages=(STAGE,),
    teacher_writes=written,
    writes_to=lambda shape: not shape.has_answers,
    kept_bytes=_kept_bytes,
    loss_means="the loss is the distance to the teacher, and your rows’ own answers if they have a share",
    metrics=(Metric("teacher_distance", "Distance to the teacher", "nats", higher_is_better=False),),
)
