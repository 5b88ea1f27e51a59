"""A training order, read: its rows, its renderer, and what it asks to be scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from storage.data import row_files, selection
from storage.planning import apart
from storage.planning.apart import HeldOut, Judged
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import StudioError
from templates.recipe import Recipe
from templates.spec import BaseFacts, TrainingParams
from workers.evaluation.progress import Part, of_training
from workers.orders.train import FurtherData, TrainingOrder
from workers.rewards.judge import Judge
from workers.training.mixing import DatasetRows

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
    left_out: tuple[int, ...] = ()
    """Numbers of training rows that ask what the result will be asked; `train` has none of them."""
    further: tuple[DatasetRows, ...] = ()
    """The further datasets of the order, in its order."""
    reward: Judge | None = None
    """The order's reward model, once it is loaded."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Further files of the result, by their paths in its folder; they don't leave the studio."""

    @property
    def by_dataset(self) -> list[Task]:
        """The task once for each dataset that the result is judged on, as if it were the only one."""
        judged = [(one, data) for one, data in zip(self.further, self.order.further, strict=True) if not one.replayed]
        return [self, *(self._on(one, data) for one, data in judged)]

    def _on(self, rows: DatasetRows, data: FurtherData) -> Task:
        its_own = data.model_dump(exclude={"instruction", "replayed"})
        return replace(
            self,
            order=self.order.model_copy(update={**its_own, "further": ()}),
            recipe=self.recipe.model_copy(update={"instruction": data.instruction}),
            renderer=rows.renderer,
            train=list(rows.train),
            selection=list(rows.selection),
            held_out=list(rows.held_out),
            further=(),
        )

    @property
    def parts(self) -> list[Part]:
        """The scorings of the evaluation: each model on held-out rows, then two on what may be forgotten."""
        order, n_asked = self.order, 0
        if order.forgetting_items:
            n_asked = len(registry.suite(order.forgetting_suite).abilities) * order.forgetting_items + order.own_prompts
        n_rows = [len(one.held_out) for one in self.by_dataset]
        n_models = 3 if order.continued else 2
        return of_training(n_rows, order.eval_rows, n_asked, n_models, 3 if order.repairs else 2)


def read(order: TrainingOrder) -> Task:
    """Read everything that the order names. Raises `StudioError` naming what is missing."""
    files = [("The dataset", order.dataset_file), *((f"“{d.dataset_name}”", d.dataset_file) for d in order.further)]
    for what, path in (("The base model", order.base.base_folder), *files):
        if not Path(path).exists():
            raise StudioError(f"{what} of this job no longer exists.", code="missing", remedy="Submit the job again.")
    params, judged = order.recipe.training(), _judged(order)
    renderer = Renderer(Path(order.base.base_folder))
    first = _dataset_rows(FurtherData(**_data_of(order)), params, renderer, judged)
    virtual_tokens = registry.method(order.recipe.method).virtual_tokens(order.recipe.adaptation())
    room = {"context_length": order.facts.context_length - virtual_tokens}
    return Task(
        order=order,
        recipe=order.recipe,
        params=params,
        facts=order.facts.model_copy(update=room),
        renderer=first.renderer,
        train=list(first.train),
        selection=list(first.selection),
        held_out=list(first.held_out),
        left_out=first.left_out,
        further=tuple(_dataset_rows(data, params, renderer, judged) for data in order.further),
    )


def _data_of(order: TrainingOrder) -> dict[str, Any]:
    names = ("shape", "dataset_file", "dataset_name", "dataset_sha256", "split_seed")
    return {**{name: getattr(order, name) for name in names}, "instruction": order.recipe.instruction}


def _judged(order: TrainingOrder) -> Judged | None:
    """What the result will be asked; None with one dataset, whose split keeps its own rows apart."""
    if not order.further:
        return None
    sides = [HeldOut(Path(order.dataset_file), order.shape)]
    sides += [HeldOut(Path(one.dataset_file), one.shape) for one in order.further if not one.replayed]
    return Judged(tuple(sides), order.forgetting_suite, order.forgetting_items)


def _dataset_rows(data: FurtherData, params: TrainingParams, renderer: Renderer, judged: Judged | None) -> DatasetRows:
    """A dataset's sides, without the training rows that ask what the result will be asked."""
    file, left_out = Path(data.dataset_file), list[int]()
    if judged is not None:
        left_out = apart.left_out(file, data.shape, judged if data.replayed else judged.for_task(file))
    train, chosen_on = (_without(rows, left_out) for rows in _training_side(data, params))
    return DatasetRows(
        name=data.dataset_name,
        shape=data.shape,
        renderer=renderer.instructed(data.instruction),
        train=train,
        held_out=[] if data.replayed else row_files.read(file, held_out=True),
        selection=chosen_on,
        replayed=data.replayed,
        left_out=tuple(left_out),
    )


def _without(rows: Rows, numbers: Sequence[int]) -> Rows:
    gone = set(numbers)
    return [row for row in rows if row["source_row"] not in gone] if gone else rows


def _training_side(data: FurtherData, params: TrainingParams) -> tuple[Rows, Rows]:
    """The rows to learn from, and those to choose the weights on (empty if no choice is made)."""
    file = Path(data.dataset_file)
    if not params.sets_apart or data.replayed:
        return row_files.read(file, held_out=False), []
    divided = selection.divided(file, registry.shape(data.shape), data.split_seed)
    return divided.training, divided.selection
