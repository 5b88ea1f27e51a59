"""Asks, for planning, about all rows of a dataset: their lengths, what they could show, and which must stay apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from storage.bases import base_models
from storage.data import datasets
from storage.models import BaseModelRow, Dataset
from storage.planning import figures, sampling_costs, teacher_costs
from storage.planning.apart import Judged
from storage.planning.detectable import Detectable
from storage.planning.training_rows import LeftOut, TrainingLengths, WhatCanShow
from storage.rendering.limited import Model
from storage.rendering.rendered_rows import LengthReport
from storage.settings import settings
from templates import registry
from templates.recipe import Recipe

SMALL_BYTES = 400_000
"""Files of which a bundled model's lengths are worked out in an instant."""


def measured(
    base: BaseModelRow,
    dataset: Dataset,
    recipe: Recipe,
    *,
    without: Sequence[int] = (),
    replayed: bool = False,
    chooses: bool,
    patient: bool,
) -> LengthReport:
    """Lengths of the rows to learn from, as this base model reads them under the recipe; remembered.

    `without` are the numbers of rows that are left out; of `replayed` conversations only answers are learned.
    """
    model = replace(base_models.model(base), owner=dataset.owner_id)
    question = TrainingLengths(
        model,
        file=datasets.file(dataset),
        shape=dataset.shape,
        split_seed=dataset.split_seed,
        chooses=chooses,
        objective=recipe.objective,
        max_length=recipe.objective_params["max_length"],
        instruction=recipe.instruction,
        without=tuple(without),
        replayed=replayed,
        written=_written(recipe, dataset, replayed=replayed),
    )
    return figures.of(model, question, question.depends_on, is_small=is_small(question.file), patient=patient)


def _written(recipe: Recipe, dataset: Dataset, *, replayed: bool) -> int:
    """About how many tokens an answer takes that a model writes to each row; 0 if none does."""
    if replayed and registry.objective(recipe.objective).repairs:
        return round(teacher_costs.WRITTEN_SHARE * float(recipe.objective_params["max_completion_length"]))
    return sampling_costs.n_written_tokens(recipe) or teacher_costs.n_written_tokens(
        recipe, registry.shape(dataset.shape)
    )


def detected(dataset: Dataset, *, patient: bool) -> Detectable | None:
    """What the held-out rows could show; None for plain text."""
    file = datasets.file(dataset)
    question = WhatCanShow(file, dataset.shape, settings().eval_rows)
    return figures.of(owner(dataset), question, question.depends_on, is_small=is_small(file), patient=patient)


def left_out(dataset: Dataset, judged: Judged, *, patient: bool) -> list[int]:
    """The numbers of training rows that ask what the result will be asked; remembered."""
    file = datasets.file(dataset)
    question = LeftOut(file, dataset.shape, judged)
    small = all(map(is_small, (file, *(side.file for side in judged.sides))))
    return figures.of(owner(dataset), question, question.depends_on, is_small=small, patient=patient)


def owner(dataset: Dataset) -> Model:
    """Whose question it is; no model reads the rows."""
    return Model(dataset.name, "", "", dataset.owner_id, bundled=True)


def is_small(file: Path) -> bool:
    """Whether a file's rows are gone through in an instant."""
    return file.stat().st_size <= SMALL_BYTES
