"""The preflight card: what a job needs, beside what the machine has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from app.formats import count, duration, minutes_range, number, parameters
from app.markup import html
from app.pages import alerts
from storage.bases import base_models
from storage.planning import teacher_costs
from storage.planning.estimates import Estimate
from storage.planning.training import Plan
from templates import mix, registry
from templates.errors import Problem
from templates.quantities import plural, size
from templates.recipe import Recipe
from templates.spec import WRITING


def card(plan: Plan) -> Markup:
    """A plan that fits."""
    lengths = plan.lengths
    lost = [*_teacher(plan), *([plan.continuation.why] if plan.continuation else [])]
    lost += mix.sentences(plan.portions) if plan.portions else []
    lost += [note.rstrip(".") for note in plan.notes]
    if lengths.n_truncated:
        lost.append(
            f"{plural(lengths.n_truncated, 'row')} longer than {count(plan.recipe.objective_params['max_length'])} "
            f"tokens: {count(lengths.n_cut_tokens)} tokens are cut off"
            + (f" (rows {_rows(lengths.truncated_rows)})" if lengths.truncated_rows else "")
        )
    if lengths.n_refused:
        numbers, (first, why) = [row for row, _why in lengths.refused_rows], lengths.refused_rows[0]
        reason = f"of row {count(first)}, {why.rstrip('.')}"
        lost.append(f"{plural(lengths.n_refused, 'row')} can't be learned from (rows {_rows(numbers)}); {reason}")
    lost += lengths.template_words
    if plan.estimate.shorter:
        lost.append("The changes below would make it shorter")
    return _card(plan.estimate, plan.recipe, lost, fits=True, unusual=plan.unusual)


def _teacher(plan: Plan) -> list[str]:
    """What the teacher does, and what is kept of it."""
    if plan.teacher is None:
        return []
    student, learned = base_models.facts(plan.base_row), registry.objective(plan.recipe.objective)
    kept = teacher_costs.kept_bytes(plan.recipe, student, plan.lengths, plan.estimate.n_held_out)
    shape, who = registry.shape(plan.dataset_row.shape), f"The teacher “{plan.teacher.name}”"
    seconds = plan.estimate.seconds_by_stage
    said, written = list[str](), learned.written(plan.recipe.training(), shape)
    if written.n_answers:
        each = "" if written.n_answers == 1 else f" {written.n_answers} times"
        which = (
            f"each prompt{each}" if learned.learns_written else "the held-out prompts and some others, for the verdict,"
        )
        said.append(f"answers {which} before the training, which takes ≈ {duration(seconds[WRITING])}")
    if learned.cost.holds_teacher:
        takes = size(plan.estimate.memory_by_part.get(teacher_costs.DURING, 0))
        return [f"{who} {'; '.join([*said, f'stays in memory beside the student, where it takes ≈ {takes}'])}"]
    if learned.stages:
        what, but = ("then reads its answers", "") if said else ("reads the rows first", ", unless an earlier job did")
        said.append(f"{what}, which takes ≈ {duration(seconds[learned.stages[0]])}{but}")
    if kept:
        said.append(f"at most {size(kept)} of what it says is kept")
    return [f"{who} {'; '.join(said)}; it leaves the memory before the training"]


def counting(share: float | None) -> Markup:
    """The sentence while the studio counts the rows' tokens."""
    return html("train/counting", share=share)


def no_estimate() -> Markup:
    """Instead of the card, while the settings can't be used."""
    return html("train/no_estimate")


def card_refused(estimate: Estimate) -> Markup:
    """A plan that does not fit: the same numbers, marked."""
    return _card(estimate, None, [], fits=False)


def _rows(numbers: list[int], most: int = 5) -> str:
    return ", ".join(count(n) for n in numbers[:most]) + (" …" if len(numbers) > most else "")


def _card(
    estimate: Estimate, recipe: Recipe | None, lost: list[str], *, fits: bool, unusual: Sequence[Problem] = ()
) -> Markup:
    low, high = estimate.minutes
    cells = [
        ("Time", minutes_range(low, high), f"Based on {estimate.based_on}"),
        ("Memory", f"≈ {size(estimate.memory_bytes)}", f"of {size(estimate.memory_free_bytes)} free"),
        ("Disk", f"≈ {size(estimate.disk_bytes)}", f"of {size(estimate.disk_free_bytes)} free"),
        (
            "Result",
            f"≈ {size(estimate.published_bytes)}",
            f"{parameters(estimate.n_trained_parameters)} weights trained",
        ),
    ]
    seen = [estimate.detectable.sentence] if estimate.detectable else []
    known = alerts.titles()
    odd = [(known.get(problem.field or "", ""), problem) for problem in unusual]
    return html("train/preflight", fits=fits, cells=cells, lines=[_work(estimate, recipe), *seen, *lost], odd=odd)


def _work(estimate: Estimate, recipe: Recipe | None) -> str:
    rows = plural(estimate.n_rows - estimate.n_refused, "training row")
    if recipe is not None and recipe.training().max_steps < 1:
        epochs: Any = recipe.training().num_train_epochs
        passes = f"{number(epochs)} passes" if epochs % 1 else plural(int(epochs), "pass", "passes")
        rows += f" in {passes}"
    return (
        f"{rows}: {count(estimate.tokens)} tokens in {plural(estimate.steps, 'update')}; "
        f"{plural(estimate.n_held_out, 'held-out row')} measure the result"
    )
