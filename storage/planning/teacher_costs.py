"""What a teacher adds to the cost of a training: the time to read the rows and to be scored, its memory, and the disk
space of what is kept of it."""

from __future__ import annotations

from dataclasses import replace

from storage.planning import estimates, flop
from storage.planning.added_costs import with_costs
from storage.planning.estimates import Estimate
from storage.planning.machines import Machine
from storage.rendering.rendered_rows import LengthReport
from templates import registry
from templates.recipe import Recipe
from templates.spec import TO_COMPARE, WRITING, BaseFacts, RowShape, Written

BEFORE = "teacher, before the training"
"""The memory that the teacher needs beyond what the training needs afterwards."""
DURING = "teacher"
WRITTEN_SHARE = 0.5
"""Length of the answers that a teacher writes, as a share of the longest allowed: a group of answers goes on until
its longest one ends."""
LOGITS_AT_ONCE = 64 * 1024 * 1024
"""Logits of the teacher in memory at once, unless one row has more."""


def as_taught(lengths: LengthReport, recipe: Recipe, shape: RowShape) -> LengthReport:
    """What the student reads: each row once for each answer that the teacher writes to it, as long as the row's own."""
    n = max(1, _written(recipe, shape).n_answers)
    return replace(
        lengths,
        n_examples=n * lengths.n_examples,
        n_tokens=n * lengths.n_tokens,
        n_trained_tokens=n * lengths.n_trained_tokens,
    )


def n_written_tokens(recipe: Recipe, shape: RowShape) -> int:
    """About how many tokens an answer takes that the teacher writes; 0 if it writes none."""
    return round(WRITTEN_SHARE * _written(recipe, shape).max_new_tokens)


def _written(recipe: Recipe, shape: RowShape) -> Written:
    return registry.objective(recipe.objective).written(recipe.training(), shape)


def priced(
    estimate: Estimate,
    teacher: BaseFacts | None,
    student: BaseFacts,
    recipe: Recipe,
    lengths: LengthReport,
    shape: RowShape,
    machine: Machine,
) -> Estimate:
    """The estimate with the teacher's part; unchanged without a teacher."""
    if teacher is None:
        return estimate
    learned, stages = registry.objective(recipe.objective), dict(estimate.seconds_by_stage)
    reads_in = (*learned.stages, *learned.stages_on(shape), "evaluating")[0]
    read_s, write_s = _seconds(teacher, recipe, lengths, shape, estimate, machine)
    for stage, seconds in ((WRITING, write_s), (reads_in, read_s)):
        if seconds:
            stages[stage] = stages.get(stage, 0.0) + seconds
    memory, needs = dict(estimate.memory_by_part), _memory(teacher, machine)
    if learned.cost.holds_teacher:
        memory[DURING] = needs
    else:
        memory[BEFORE] = max(0, needs + estimates.PROCESS_BYTES - estimate.memory_bytes)
    disk = estimate.disk_bytes + kept_bytes(recipe, student, lengths, estimate.n_held_out)
    return with_costs(estimate, stages, memory, disk)


def kept_bytes(recipe: Recipe, student: BaseFacts, lengths: LengthReport, n_held_out: int) -> int:
    """The disk space of what is kept of the teacher."""
    return round(_n_learned(lengths, n_held_out) * _kept_bytes(recipe, student))


def _kept_bytes(recipe: Recipe, student: BaseFacts) -> float:
    return registry.objective(recipe.objective).kept_bytes(recipe.training(), student)


def _n_learned(lengths: LengthReport, n_held_out: int) -> float:
    """Learned tokens of the training and the held-out rows."""
    return lengths.n_trained_tokens * (1 + n_held_out / max(1, lengths.n_rows))


def _seconds(
    teacher: BaseFacts, recipe: Recipe, lengths: LengthReport, shape: RowShape, student: Estimate, machine: Machine
) -> tuple[float, float]:
    """Loading, reading all rows once and answering held-out ones for the verdict, as the student does; and writing
    answers to learn."""
    n_held_out = student.n_held_out
    mean = lengths.n_tokens / max(1, lengths.n_examples)
    plain = recipe.model_copy(update={"quantization": "none"})
    token_s = flop.flop_per_token(teacher, plain, mean, forward_only=True) / machine.flop_per_s
    read = lengths.n_tokens + 2 * n_held_out * mean
    loaded_s = teacher.weights_bytes / estimates.LOAD_BYTES_PER_S
    is_learned = registry.objective(recipe.objective).learns_written
    n_asked = n_held_out + (lengths.n_rows if is_learned else min(TO_COMPARE, lengths.n_rows))
    n_written = _written(recipe, shape).n_answers * n_asked
    written_s = estimates.answers_s(teacher, lengths, n_written, token_s, at_least=n_written_tokens(recipe, shape))
    return loaded_s + read * token_s + estimates.answers_s(teacher, lengths, student.n_answered, token_s), written_s


def _memory(teacher: BaseFacts, machine: Machine) -> int:
    return (2 if machine.on_gpu else 4) * teacher.n_parameters + estimates.LOGIT_COPIES * 4 * LOGITS_AT_ONCE
