"""The setup of a training on judged answers: the same for all objectives but for the trainer and its items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, TrainingArguments

from templates import registry
from workers.preferences.trainers import OnTokens
from workers.training import batches
from workers.training.batches import Examples, Schedule
from workers.training.setups import (
    TrainingData,
    TrainingSetup,
    refuse_nothing,
    remarks,
    sampled,
    training_arguments,
)

Rows = Sequence[Mapping[str, Any]]


def on_pairs(
    data: TrainingData, trainer_class: type[OnTokens], config: type[TrainingArguments], settings: Mapping[str, Any]
) -> TrainingSetup:
    """Learn pairs; `settings` are the arguments that only this objective has. Raises `BadInput` if no pair is left."""
    views, max_length = registry.objective(data.objective).views, data.params.max_length

    def rendered(rows: Rows) -> Examples[Any]:
        return batches.render_pairs(data.renderer, data.shape, rows, views, max_length=max_length)

    train, held_out, selection = (rendered(rows) for rows in (data.train, data.held_out, data.selection))
    refuse_nothing(data, train)
    schedule = batches.Schedule(train.kept, data.params)
    return of_items(data, (train, held_out, selection), schedule, trainer_class, config, settings)


def of_items(
    data: TrainingData,
    sides: tuple[Examples[Any], Examples[Any], Examples[Any]],
    schedule: Schedule[Any],
    trainer_class: type[OnTokens],
    config: type[TrainingArguments],
    settings: Mapping[str, Any],
) -> TrainingSetup:
    """The setup around a trainer of rendered items: those to learn, held-out ones, and those to choose on."""
    params, (train, held_out, selection) = data.params, sides
    made: list[OnTokens] = []

    def trainer(model: PreTrainedModel, folder: Path) -> Any:
        args = training_arguments(params, folder, schedule.n_updates, model, config, **settings)
        made.append(trainer_class(model, args, schedule, train.kept, data.renderer.folder))
        return made[-1]

    def mean_loss(items: Sequence[Any]) -> Callable[[PreTrainedModel, Callable[[], bool]], float] | None:
        def measure(_model: PreTrainedModel, stopped: Callable[[], bool]) -> float:
            return made[-1].mean_loss(items, params.per_device_train_batch_size, stopped)

        return measure if items else None

    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=mean_loss(sampled(held_out.kept)),
        selection_loss=mean_loss(selection.kept),
        remarks=remarks(data, train, held_out),
    )
