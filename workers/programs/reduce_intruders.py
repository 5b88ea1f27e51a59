"""The program of a `reduce_intruders` job: a LoRA result becomes another one, without a training.

preparing → reducing → evaluating → publishing. It takes a few minutes, so a killed attempt begins again.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, set_seed

from storage.models import Stage
from templates.artifact_kind import ModelFacts
from workers import models
from workers.evaluation.generation import Interrupted
from workers.export import bundle
from workers.orders.reduce_intruders import ReductionOrder
from workers.protocol import Advanced, Done, MadeArtifact, Planned
from workers.stages import Stages
from workers.training import intruders, judging
from workers.training.callbacks import Channel, peak_memory_bytes
from workers.training.intruders import Reduction
from workers.training.setups import TrainingSetup
from workers.training.task import Task, read

STEPS = {"steps": 0, "planned_steps": 0, "stopped": False}
NO_CHOICE = {"load_best_model_at_end": False, "early_stopping_patience": 0}


def run(order: ReductionOrder, channel: Channel) -> Done:
    """Carry out the order. Raises `Interrupted` if the worker no longer wants the result."""
    torch.set_num_threads(order.threads)
    set_seed(order.recipe.training().seed)
    stages = Stages(channel)
    stages.enter(Stage.PREPARING)
    task = read(order)
    task = replace(task, params=task.params.model_copy(update=NO_CHOICE))
    assert order.continued
    model = models.load(order.continued.parent)
    stages.enter("reducing")
    found = _reduced(model, order, channel)
    stages.enter(Stage.EVALUATING)
    judged = judging.judge(task, _setup(found), model, STEPS, channel)
    stages.enter(Stage.PUBLISHING)
    actual = {"seconds": stages.seconds, "peak_memory_bytes": peak_memory_bytes()}
    saved = _saver(task, model), judged.verdict, judged.answers, judged.outcomes
    staged = bundle.stage(order, *saved, actual, labels=judged.labels)
    stages.enter(None)
    result = judged.verdict.model_dump(mode="json")
    facts = ModelFacts(
        recipe=task.recipe.model_dump(mode="json"),
        weights_sha256=staged.weights_sha256,
        verdict=result,
        continued=order.continued.way,
        own_base=order.own_base,
    )
    made = MadeArtifact(
        kind=staged.artifact_kind, manifest_sha256=staged.manifest_sha256, facts=facts.model_dump(mode="json")
    )
    return Done(result=result, actual=actual, opened_held_out=True, made=made)


def _reduced(model: Any, order: ReductionOrder, channel: Channel) -> Reduction:
    """Reduce, and report how far it is."""
    n_layers, started = intruders.n_layers(model), time.monotonic()
    channel.send(Planned(start_step=0, total_steps=n_layers))

    def tell(done: int) -> None:
        if channel.abandoned:
            raise Interrupted
        pace = (time.monotonic() - started) / max(1, done)
        channel.send(Advanced(step=done, eta_s=pace * (n_layers - done)))

    return intruders.reduce(model, order.params, tell)


def _setup(found: Reduction) -> TrainingSetup:
    """What the judging needs to know of a job that trains nothing."""
    return TrainingSetup(
        n_updates=0,
        trainer=_no_trainer,
        held_out_loss=None,
        remarks={},
        remarks_on=lambda _model, _stopped: [found.sentence],
    )


def _no_trainer(_model: Any, _folder: Path) -> Trainer:
    raise TypeError("a reduction trains nothing")


def _saver(task: Task, model: Any) -> Any:
    return lambda folder: models.save(model, task.recipe, folder, task.facts.stored_dtype)
