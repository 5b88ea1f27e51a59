"""What a training makes: how it is loaded to be trained, finished, judged and stored.

Most objectives make a language model. One that makes something else says so by a `RESULT` in its worker module.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from templates import registry
from templates.recipe import Recipe
from workers import models, weights
from workers.export import bundle
from workers.training import batches, judging
from workers.training.ahead import TrainingAhead
from workers.training.batches import Example
from workers.training.callbacks import Channel
from workers.training.judging import Judged, OfTeacher
from workers.training.setups import TrainingSetup
from workers.training.task import Task


@dataclass(frozen=True)
class Result:
    """A kind of model that a training makes."""

    judge: Callable[[Task, TrainingSetup, PreTrainedModel, Mapping[str, Any], Channel, OfTeacher | None], Judged]
    """The verdict on the published model, on held-out rows: what `judging.judge` takes and gives."""
    read: models.Read = weights.load
    """Reads a base model's folder; another one than the default gives it a fresh head of another kind."""
    task_type: str = "CAUSAL_LM"
    """PEFT's name for what the head does."""

    def adapted(self, folder: str, recipe: Recipe, ahead: TrainingAhead, where: torch.device | None = None) -> Any:
        """A freshly loaded base with the recipe's method on it, ready to be trained."""
        base = models.load_to_train(folder, recipe, where, self.read)
        return models.adapt(base, recipe, ahead, self.task_type)


LANGUAGE_MODEL = Result(judging.judge)


def of(objective: str) -> Result:
    """What jobs of this objective make."""
    result: Result = getattr(importlib.import_module(f"workers.objectives.{objective}"), "RESULT", LANGUAGE_MODEL)
    return result


def ready(result: Result, task: Task, setup: TrainingSetup) -> PreTrainedModel:
    """The model to train: a new adapter or weights of its own, or the parent's adapter."""
    order = task.order
    if order.continued and order.continued.way == "same_adapter":
        base = models.load_to_train(order.base.base_folder, order.recipe)
        return models.trained_further(base, str(order.continued.parent.adapter_folder))
    ahead = TrainingAhead(setup.n_updates, lambda: _examples(task))
    made: PreTrainedModel = result.adapted(order.base.base_folder, order.recipe, ahead)
    return made


def as_published(result: Result, task: Task, model: PreTrainedModel, start: Path) -> PreTrainedModel:
    """The trained model exactly as others will load it; `start` has what `models.save_start` saved."""
    folder, dtype = task.order.base.base_folder, task.facts.stored_dtype
    return models.as_published(model, task.recipe, folder, dtype, start, result.read)


def stage(task: Task, model: PreTrainedModel, judged: Judged, actual: Mapping[str, Any]) -> bundle.Staged:
    """The sealed folder to publish."""
    return bundle.stage(
        task.order,
        lambda folder: models.save(model, task.recipe, folder, task.facts.stored_dtype),
        judged.verdict,
        judged.answers,
        judged.outcomes,
        actual,
        task.files,
        judged.labels,
    )


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
