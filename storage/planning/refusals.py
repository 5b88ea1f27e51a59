"""Why a training can't be planned: words for what is wrong with the data, the settings or the machine."""

from __future__ import annotations

from storage.data import datasets, row_files, splits
from storage.data.answers import filtering
from storage.models import Dataset
from storage.planning import estimates, reward_costs, teacher_costs
from storage.planning.estimates import Estimate
from storage.rendering import whole_turns
from storage.rendering.rendered_rows import LengthReport
from storage.rendering.whole_turns import ToolsLeftOut
from templates import registry
from templates.errors import BadInput, Problem
from templates.quantities import size
from templates.recipe import Recipe


def of_data(dataset: Dataset, objective: str) -> list[Problem]:
    """The reasons why this objective can't learn from this dataset at all."""
    problems = []
    if dataset.shape not in registry.objective(objective).row_shapes:
        problems.append(_other_shape(dataset, objective))
    if dataset.n_rows - dataset.n_held_out < 1:
        problems.append(_no_rows(dataset, "to learn from"))
    if dataset.n_held_out < 1:
        problems.append(_no_rows(dataset, "held out, so the result could not be judged"))
    return problems + _too_many_labels(dataset, objective)


def _other_shape(dataset: Dataset, objective: str) -> Problem:
    """Rows of a shape that the objective doesn't take; to prompts alone, a model can write the answers."""
    shape, taken = registry.shape(dataset.shape), registry.objective(objective).row_shapes
    able = registry.objectives_for(dataset.shape)
    choose = " or ".join(f"{one.key} ({one.title})" for one in able)
    what = f"{objective} takes rows of the shape {' or '.join(taken)}; “{dataset.name}” holds {dataset.shape}."
    if not shape.has_answers and shape.messages:
        what = f"{objective} needs rows with answers; “{dataset.name}” holds {dataset.shape}, prompts without any."
        remedy = "Let a model answer them first (open the data on the Data page, or studio generate)"
        return Problem(what, field="objective", remedy=f"{remedy}, or choose {choose}." if able else f"{remedy}.")
    if able:
        remedy = f"Choose {choose}, or add the file again with another shape."
    else:
        remedy = f"No objective learns from {dataset.shape} yet: add the file again with another shape."
    return Problem(what, field="objective", remedy=remedy)


def of_replay(dataset: Dataset, *, prompts_only: bool = False) -> list[Problem]:
    """The reasons why this dataset can't be replayed; of a repair, why its prompts can't be answered."""
    shape = registry.shape(dataset.shape)
    if prompts_only and (shape.judged or shape.messages is None):
        what = f"“{dataset.name}” holds {dataset.shape}, which has no prompts to answer."
        remedy = "Use prompts or conversations; studio replay lets a base model with a chat template write some."
        return [Problem(what, field="replay", remedy=remedy)]
    if not prompts_only and (shape.judged or not shape.has_answers):
        what = f"“{dataset.name}” holds {dataset.shape}, which can't be replayed."
        return [Problem(what, field="replay", remedy="Replay plain texts, or conversations with answers.")]
    n_learned = dataset.n_rows - dataset.n_held_out
    return [] if n_learned else [_no_rows(dataset, "to answer" if prompts_only else "to replay")]


def of_choice(dataset: Dataset, recipe: Recipe) -> list[Problem]:
    """The reasons why these settings don't suit the rows: their filters, or too few to choose the best weights on."""
    shape = registry.shape(dataset.shape)
    written = registry.objective(recipe.objective).written(recipe.training(), shape)
    problems = filtering.misfits(written.filters, shape, written.n_answers)
    problems += registry.objective(recipe.objective).misfits(recipe.training(), shape)
    n_training = dataset.n_rows - dataset.n_held_out
    if not recipe.training().sets_apart or n_training < 1 or splits.n_selected(n_training):
        return problems
    if not recipe.training().chooses:
        return [*problems, _nothing_apart(dataset, recipe.objective)]
    return [
        *problems,
        Problem(
            f"“{dataset.name}” has only one training row, so none can be set aside to choose the best weights on.",
            field="load_best_model_at_end",
            remedy="Switch off both this setting and early_stopping_patience, or add a file with more rows.",
        ),
    ]


def _nothing_apart(dataset: Dataset, objective: str) -> Problem:
    return Problem(
        f"“{dataset.name}” has only one training row, so none can be set aside, which {objective} needs.",
        field="dataset",
        remedy="Add a file with more rows.",
    )


def _too_many_labels(dataset: Dataset, objective: str) -> list[Problem]:
    """The problem with more labels than the objective can score for each row."""
    most = registry.objective(objective).most_labels
    if not most or dataset.shape not in registry.objective(objective).row_shapes:
        return []
    n_labels = len(row_files.labels(datasets.file(dataset), registry.shape(dataset.shape)))
    if n_labels <= most:
        return []
    return [
        Problem(
            f"“{dataset.name}” has {n_labels:,} different labels; {objective} scores every label for each row, and "
            f"takes at most {most:,}.",
            field="objective",
            remedy="Choose sft, which writes its answers freely, or join rare labels.",
        )
    ]


def _no_rows(dataset: Dataset, what: str) -> Problem:
    return Problem(f"“{dataset.name}” has no rows {what}.", field="dataset", remedy="Add a file with more rows.")


def untrainable(lengths: LengthReport, dataset: Dataset, recipe: Recipe, base: str) -> None:
    if lengths.n_without_tools:
        raise BadInput(_tools_left_out(lengths, dataset, base), code=ToolsLeftOut.code)
    if lengths.n_refused < lengths.n_rows:
        return
    if not lengths.longest:
        raise BadInput(_all_refused_by_template(lengths, dataset), code="every_row_refused")
    max_length = recipe.objective_params["max_length"]
    raise BadInput(
        Problem(
            f"all {lengths.n_rows} training rows of “{dataset.name}” lose their whole answer at {max_length} tokens "
            f"(the longest row has {lengths.longest}).",
            field="max_length",
            remedy="Raise it, shorten the prompts, or choose a base model with a longer context.",
        ),
        code="every_row_refused",
    )


def _tools_left_out(lengths: LengthReport, dataset: Dataset, base: str) -> Problem:
    n = lengths.n_without_tools
    rows = "1 training row" if n == 1 else f"{n:,} training rows, the first of them this one,"
    return Problem(
        f"the chat template of “{base}” does not support tools, so {rows} of “{dataset.name}” can't be learned.",
        row=lengths.first_without_tools,
        field="base",
        remedy=whole_turns.REMEDY,
    )


def _all_refused_by_template(lengths: LengthReport, dataset: Dataset) -> Problem:
    row, why = lengths.refused_rows[0]
    return Problem(
        f"none of the {lengths.n_rows} training rows of “{dataset.name}” can be learned; for this one, {why}",
        row=row,
        field="base",
        remedy="Choose another base model.",
    )


def too_large(estimate: Estimate, teacher: str = "", reward: str = "") -> Problem:
    """The problem with a job that needs more memory or disk than there is."""
    scarce = [
        f"≈ {size(needed)} of {what}, but only {size(free)} are free"
        for what, needed, free in (
            ("memory", estimate.memory_bytes, estimate.memory_free_bytes),
            ("disk", estimate.disk_bytes, estimate.disk_free_bytes),
        )
        if needed > estimates.ROOM * free
    ]
    before = estimate.memory_by_part.get(teacher_costs.BEFORE, 0)
    if teacher and before and _would_fit(estimate, before):
        return _too_large_teacher(estimate, teacher, before, scarce)
    held = estimate.memory_by_part.get(reward_costs.PART, 0)
    if reward and held and _would_fit(estimate, held):
        return _too_large_reward(estimate, reward, held, scarce)
    remedy = " Or: ".join(fix.text for fix in estimate.advice)
    return Problem(
        f"The job needs {'; '.join(scarce)} on {estimate.machine}.",
        remedy=remedy or "Choose a smaller base model, free some space, or start a worker on a larger machine.",
    )


def _would_fit(estimate: Estimate, without: int) -> bool:
    """Whether the memory would do if the job needed so many bytes less."""
    return estimate.memory_bytes - without <= estimates.ROOM * estimate.memory_free_bytes


def _too_large_reward(estimate: Estimate, reward: str, held: int, scarce: list[str]) -> Problem:
    what = f"With the reward model “{reward}”, which takes ≈ {size(held)} of memory"
    return Problem(
        f"{what}, the job needs {'; '.join(scarce)} on {estimate.machine}.",
        field="reward",
        remedy="Choose a smaller reward model, leave it out and pick checks, or start a worker on a larger machine.",
    )


def _too_large_teacher(estimate: Estimate, teacher: str, before: int, scarce: list[str]) -> Problem:
    rest = size(estimate.memory_bytes - before)
    return Problem(
        f"To let the teacher “{teacher}” read the rows, the job needs {'; '.join(scarce)} on {estimate.machine}.",
        field="teacher",
        remedy=f"Start a worker on a larger machine, or choose a smaller teacher. The teacher reads the rows once, and "
        f"what it says is kept; the training itself needs only ≈ {rest}.",
    )
