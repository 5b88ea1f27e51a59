"""A training order, read: its rows, its renderer, and what it asks to be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.data import row_files, selection, splits
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import StudioError
from templates.recipe import Recipe
from templates.spec import BaseFacts, TrainingParams
from workers.evaluation.progress import Part, of_training
from workers.orders.train import TrainingOrder

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """An order, read."""

    order: TrainingOrder
    recipe: Recipe
    params: TrainingParams
    facts: BaseFacts
    """Of the base; its context without the tokens that the method puts before every row."""
    renderer: Renderer
    train: Rows
    selection: Rows
    """Set apart from the training side; empty if the training makes no choice."""
    held_out: Rows
    remarks: tuple[str, ...] = ()
    """What the verdict says of rows that were made for this training."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Further files of the result, by their paths in its folder; they don't leave the studio."""

    @property
    def parts(self) -> list[Part]:
        """The scorings of the evaluation: each model on held-out rows, then two on what may be forgotten."""
        order, n_asked = self.order, 0
        if order.forgetting_items:
            n_asked = len(registry.suite(order.forgetting_suite).abilities) * order.forgetting_items + order.own_prompts
        return of_training(len(self.held_out), order.eval_rows, n_asked, 3 if order.continued else 2)


def read(order: TrainingOrder) -> Task:
    """Read everything that the order names. Raises `StudioError` naming what is missing."""
    for what, path in (("The base model", order.base.base_folder), ("The dataset", order.dataset_file)):
        if not Path(path).exists():
            raise StudioError(f"{what} of this job no longer exists.", code="missing", remedy="Submit the job again.")
    params = order.recipe.training()
    train, chosen_on = _training_side(order, params)
    virtual_tokens = registry.method(order.recipe.method).virtual_tokens(order.recipe.adaptation())
    room = {"context_length": order.facts.context_length - virtual_tokens}
    return Task(
        order=order,
        recipe=order.recipe,
        params=params,
        facts=order.facts.model_copy(update=room),
        renderer=Renderer(Path(order.base.base_folder)).instructed(order.recipe.instruction),
        train=train,
        selection=chosen_on,
        held_out=row_files.read(Path(order.dataset_file), held_out=True),
    )


def _training_side(order: TrainingOrder, params: TrainingParams) -> tuple[Rows, Rows]:
    """The rows to learn from, and those to choose the weights on (empty if no choice is made)."""
    file = Path(order.dataset_file)
    if not params.chooses:
        return row_files.read(file, held_out=False), []
    seed = splits.DRAWN.seed if order.split_seed is None else order.split_seed
    divided = selection.divided(file, registry.shape(order.shape), seed)
    return divided.training, divided.selection
