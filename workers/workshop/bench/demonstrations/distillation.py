"""Distillation: the small model, adapted to customer intents, teaches the nano model on unlabelled messages.

The teacher answers each message, and the student learns the teacher's whole distribution over every
next token of that answer: forward Kullback-Leibler divergence (Hinton et al. 2015, arXiv 1503.02531)
on the teacher's own sequences (Kim and Rush 2016, arXiv 1606.07947). The student sees no label and
no message that the teacher was adapted on; labels serve to adapt the teacher, and to score both.
Abilities that both models were pretrained on do not move: the teacher has to know what the student does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from storage.runs.bootstrap import paired_shares
from templates.errors import StudioError
from workers.evaluation import generation
from workers.training import batches
from workers.training.batches import IGNORED, Example
from workers.workshop.bench import gradient_descent, intents
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import Demonstration, Question, Setup, right
from workers.workshop.world.ability import asked

MOST_NEW_TOKENS = 24
BATCH = 16
EPOCHS = 20
LEARNING_RATE = 1e-3


def _questions(rows: list[dict[str, str]]) -> list[Question]:
    return [Question(asked(row["text"], row["label"])[:1], row["label"]) for row in rows]


def _answered(setup: Setup, teacher: Any, prompts: list[Question]) -> list[Example]:
    """The teacher's greedy answers to prompts, as the student's training examples."""
    asked = [setup.small.renderer.prompt(q.messages, q.tools) for q in prompts]
    eos_ids = setup.small.renderer.eos_ids
    given = generation.answers(teacher, asked, eos_ids=eos_ids, max_new_tokens=MOST_NEW_TOKENS)
    found = []
    for prompt, answer in zip(asked, given, strict=True):
        told = [*answer.ids, *eos_ids[: answer.ended]]
        found.append(Example([*prompt, *told], [False] * len(prompt) + [True] * len(told)))
    return found


def _divergence(student: Any, teacher: Any, examples: list[Example]) -> torch.Tensor:
    """Mean over the answers' tokens of the divergence of the student's next token from the teacher's."""
    batch = batches.padded(examples, answers_only=True)
    told = batch.pop("labels")[:, 1:] != IGNORED
    with torch.inference_mode():
        wanted = teacher(**batch, use_cache=False).logits[:, :-1][told].float().log_softmax(-1)
    own = student(**batch, use_cache=False).logits[:, :-1][told].float().log_softmax(-1)
    return functional.kl_div(own, wanted.clone(), log_target=True, reduction="batchmean")


def _distilled(setup: Setup, teacher: Any, student: Any, prompts: list[Question]) -> int:
    """Teach the student in place; returns the number of updates."""
    setup.say(f"the teacher answers {len(prompts)} prompts")
    examples = _answered(setup, teacher, prompts)
    in_order = gradient_descent.batches(
        examples, BATCH, EPOCHS, setup.random("distillation order"), lambda e: len(e.ids)
    )
    student.requires_grad_(True)
    setup.say(f"the student learns them in {len(in_order)} updates")
    gradient_descent.minimize(
        student,
        in_order,
        lambda batch: _divergence(student, teacher, batch),
        learning_rate=LEARNING_RATE,
        say=setup.say,
    )
    return len(in_order)


def _same_tokenizer(setup: Setup) -> bool:
    files = [files.folder / "tokenizer.json" for files in (setup.small, setup.nano)]
    sizes = {files.facts.vocab_size for files in (setup.small, setup.nano)}
    return files[0].read_bytes() == files[1].read_bytes() and len(sizes) == 1


def run(setup: Setup) -> Outcome:
    """Distil, and score the student before and after."""
    if not _same_tokenizer(setup):
        raise StudioError(
            "Teacher and student have different tokenizers.", remedy="Choose two models with the same tokenizer."
        )
    rows, held_out = intents.split(setup)
    n_labelled = len(rows) // 2
    prompts, test = _questions(rows[n_labelled:]), _questions(held_out)
    teacher = intents.train(setup, "distillation-teacher", rows[:n_labelled], held_out).load()
    student = setup.load(setup.nano)
    setup.say("answers of teacher and student before")
    of_teacher, before = setup.answers(teacher, setup.small, test), setup.answers(student, setup.nano, test)
    n_updates = _distilled(setup, teacher, student, prompts)
    after = setup.answers(student, setup.nano, test)
    correct = paired_shares(right(test, before), right(test, after))
    alike = paired_shares(_alike(of_teacher, before), _alike(of_teacher, after))
    best = float(right(test, of_teacher).mean())
    return Outcome(
        rows=(
            Measurement.paired("right answers of the student", len(test), correct),
            Measurement.paired("same answer as the teacher", len(test), alike),
        ),
        forgetting=setup.forgetting(setup.nano, student),
        settings={"loss": "forward KL on greedy answers", "learning_rate": LEARNING_RATE, "epochs": EPOCHS}
        | {"prompts": len(prompts), "steps": n_updates},
        verdict=f"The student is right in {correct.adapted.value:.0%}, before {correct.base.value:.0%}; "
        f"its teacher in {best:.0%}.",
        target="the student surely better than before",
        met=correct.difference.low > 0,
    )


def _alike(one: list[str | None], other: list[str | None]) -> Any:
    return np.array([a is not None and a == b for a, b in zip(one, other, strict=True)])


SPEC = Demonstration(title="Distillation: an adapted small teaches nano on unlabelled messages", run=run)
