"""Distillation from answers that a teacher writes.

**What is learned.** The *teacher*, a larger or better model, answers your rows' prompts, once or several times. Filters
drop what is cut off, refused or repeated, and the student learns the answers that are left as supervised fine-tuning
learns rows. Your rows' own answers are not learned; they judge the result and can filter (`same_text`, `same_number`,
`contains_label`). In conversations, earlier answers stay as they are and are learned too.

**When to use it.** You have prompts alone. Or the teacher has other tokens than the student, so that its probabilities
can't be learned. Or your rows' answers are not as you want them: too short, in another style, or wrong. **When not:**
your rows' own answers are right and as you want them (use *supervised fine-tuning*), or teacher and student have the
same tokens and the rows' answers may stay (use *learn a larger model's probabilities*, which learns more from each
row).

**The filter matters more than the loss.** A student copies its teacher's mistakes. With several answers to each prompt
(`num_return_sequences`, and a temperature above 0), `agreement` keeps those that most of them agree with; with rows
that have answers, `same_text`, `same_number` or `contains_label` keep those that are right. The page of the result says
how many answers were dropped and why, and `studio data add --from-artifact NAME --name N` keeps all of them, the
dropped ones too, as a dataset that you can read, change and train on. `studio generate` does the same without a
training, has the settings of each filter, and can ask a service at an address.

**How.** First the teacher alone answers all prompts, held-out ones too; each group of answers is sealed on disk, so a
killed job asks nothing twice. Then it leaves the memory, and the student is trained. Held-out prompts are never
learned. The verdict is measured on your held-out rows' own answers, as the teacher may be wrong; with prompts alone, on
the teacher's answers to the held-out prompts.

**Cost.** The teacher's answers, token by token, which often take longer than the training; then that of supervised
fine-tuning. Teacher and student are never in memory together.

**Source.** Kim and Rush 2016, arXiv 1606.07947 (sequence-level knowledge distillation), with greedy answers instead of
beam search; several filtered answers: Yuan et al. 2023, arXiv 2308.01825 (rejection sampling).
"""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationInfo, field_validator

from templates.roles import Role
from templates.spec import Objective, TrainingParams, Written, setting

STAGE = "letting the teacher answer"
Filter = Literal[
    "agreement",
    "contains_label",
    "cut_off",
    "exact_duplicates",
    "length",
    "near_duplicates",
    "refusals",
    "same_number",
    "same_text",
]


class DistillTextParams(TrainingParams):
    """The names of decoding are those of transformers."""

    max_new_tokens: int = setting(256, "Longest answer", shown=True, unit="tokens", ge=1, le=32_768)
    """The teacher's answers are cut off here; those are dropped unless you leave out the filter `cut_off`."""
    teacher_temperature: float = setting(0.0, "Temperature of the teacher", ge=0, le=10)
    """0 always picks the likeliest token. Higher values make answers vary more."""
    num_return_sequences: int = setting(1, "Answers per prompt", ge=1, le=64)
    """Several answers to each prompt, of which filters keep some; needs a temperature above 0."""
    top_p: float = setting(1.0, "Top-p of the teacher", gt=0, le=1)
    """Draw only from the likeliest tokens that together have this probability. No effect at temperature 0."""
    filters: list[Filter] = setting(["cut_off", "refusals", "exact_duplicates"], "Filters of the answers")
    """Answers to drop; `studio data filters` explains each. `agreement` needs several answers per prompt."""
    teacher_quantization: Literal["none", "int8", "nf4"] = setting("none", "Precision of the teacher")
    """A teacher in 4 or 8 bits needs less memory while it answers, and is slightly less exact."""

    @field_validator("num_return_sequences")
    @classmethod
    def _answers_differ(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and not info.data.get("teacher_temperature"):
            raise ValueError(
                "at temperature 0, all answers to a prompt are the same: raise teacher_temperature (0.7 is usual), "
                "or ask for one answer"
            )
        return value

    @field_validator("filters")
    @classmethod
    def _several_to_compare(cls, value: list[Filter], info: ValidationInfo) -> list[Filter]:
        if "agreement" in value and info.data.get("num_return_sequences", 2) < 2:
            raise ValueError(
                "agreement compares several answers to one prompt: raise num_return_sequences, or leave it out"
            )
        return list(dict.fromkeys(value))

    @property
    def teacher_precision(self) -> Literal["none", "int8", "nf4"]:
        """As chosen."""
        return self.teacher_quantization


def _written(params: DistillTextParams) -> Written:
    return Written(
        n_answers=params.num_return_sequences,
        max_new_tokens=params.max_new_tokens,
        filters=tuple(params.filters),
        temperature=params.teacher_temperature,
        top_p=params.top_p,
    )


SPEC = Objective(
    title="Learn a larger model's answers",
    summary="Distillation by text: a teacher answers your prompts, filters drop some, and the rest is learned.",
    params=DistillTextParams,
    row_shapes=("prompt_completion", "prompt_only", "messages", "classification"),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 6.0},
        "thorough": {"num_train_epochs": 10.0},
    },
    roles=(Role.TEACHER,),
    goal="learn_from_larger",
    without_teacher=("sft",),
    stages=(STAGE,),
    learned_instead="This row's answer is not learned: the teacher writes another one. It serves for the verdict.",
    teacher_writes=_written,
)
