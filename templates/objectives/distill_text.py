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
training, and can ask a service at an address.

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

from templates.roles import Role
from templates.spec import Objective
from templates.written_answers import WrittenAnswersParams, written


class DistillTextParams(WrittenAnswersParams):
    """Nothing of its own: decoding, filters and the filters' settings."""


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
    learned_instead="This row's answer is not learned: the teacher writes another one. It serves for the verdict.",
    teacher_writes=written,
    writes_to=lambda _shape: True,
)
