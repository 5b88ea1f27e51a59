"""What a training makes: how it is loaded to be trained, finished, judged and stored.

Most objectives make a language model. One that makes something else says so by a `RESULT` in its worker module.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from transformers import PreTrainedModel

from templates import registry
from workers import models
from workers.export import bundle
from workers.training import batches, judging
from workers.training.ahead import TrainingAhead
from workers.training.batches import Example
from workers.training.callbacks import Channel
from workers.training.judging import Judged, OfTeacher
from workers.training.setups import TrainingSetup
from workers.training.task import Task


class Result(Protocol):
    """A kind of model that a training makes."""

    def ready(self, task: Task, setup: TrainingSetup) -> PreTrainedModel:
        """The model to train: freshly loaded, with the method on it."""

    def as_published(self, task: Task, model: PreTrainedModel, start: Path) -> PreTrainedModel:
        """The trained model exactly as others will load it; `start` has what `models.save_start` saved."""

    def judge(
        self,
        task: Task,
        setup: TrainingSetup,
        model: PreTrainedModel,
        actual: Mapping[str, Any],
        channel: Channel,
        of_teacher: OfTeacher | None,
    ) -> Judged:
        """The verdict on the published model, on held-out rows."""

    def save(self, task: Task, model: PreTrainedModel, folder: Path) -> None:
        """Write its weights and configuration."""


def of(objective: str) -> Result:
    """What jobs of this objective make."""
    result: Result = getattr(importlib.import_module(f"workers.objectives.{objective}"), "RESULT", LANGUAGE_MODEL)
    return result


class LanguageModel:
    """A model that answers: an adapter on its base, or all weights."""

    def ready(self, task: Task, setup: TrainingSetup) -> PreTrainedModel:
        """A new adapter or weights of its own, or the parent's adapter."""
        order = task.order
        base = models.load_to_train(order.base.base_folder, order.recipe)
        if order.continued and order.continued.way == "same_adapter":
            return models.trained_further(base, str(order.continued.parent.adapter_folder))
        return models.adapt(base, order.recipe, ahead(task, setup))

    def as_published(self, task: Task, model: PreTrainedModel, start: Path) -> PreTrainedModel:
        """As chat and downloads load it."""
        folder = task.order.base.base_folder
        return models.as_published(model, task.recipe, folder, task.facts.stored_dtype, start)

    def judge(
        self,
        task: Task,
        setup: TrainingSetup,
        model: PreTrainedModel,
        actual: Mapping[str, Any],
        channel: Channel,
        of_teacher: OfTeacher | None,
    ) -> Judged:
        """Its answers beside those of what it started from."""
        return judging.judge(task, setup, model, actual, channel, of_teacher)

    def save(self, task: Task, model: PreTrainedModel, folder: Path) -> None:
        """An adapter, or all weights in the base's stored dtype."""
        models.save(model, task.recipe, folder, task.facts.stored_dtype)


LANGUAGE_MODEL = LanguageModel()


def stage(
    result: Result, task: Task, model: PreTrainedModel, judged: Judged, actual: Mapping[str, Any]
) -> bundle.Staged:
    """The sealed folder to publish."""
    return bundle.stage(
        task.order,
        lambda folder: result.save(task, model, folder),
        judged.verdict,
        judged.answers,
        judged.outcomes,
        actual,
        task.files,
        judged.labels,
    )


def ahead(task: Task, setup: TrainingSetup) -> TrainingAhead:
    """The training to come, for methods that look at its rows."""
    return TrainingAhead(setup.n_updates, lambda: _examples(task))


def _examples(task: Task) -> Sequence[Example]:
    """The training rows as the model reads them; of several datasets by turns. Prompts alone are all that it reads."""
    trains_prompt, length = registry.objective(task.recipe.objective).trains_prompt, task.params.max_length
    sources = [(task.renderer, task.order.shape, task.train), *((d.renderer, d.shape, d.train) for d in task.further)]
    found = [
        batches.render(renderer, shape, rows, max_length=length, trains_prompt=trains_prompt).kept
        or batches.render(renderer, shape, rows, max_length=length, trains_prompt=True).kept
        for renderer, shape, rows in sources
    ]
    return [example for turn in zip_longest(*found) for example in turn if example is not None]
