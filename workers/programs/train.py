"""The program of a `train` job: rows and base in, a sealed folder to publish out.

preparing → training → evaluating → publishing. What is evaluated is what is published: weights are
rounded to the precision they are stored in, and adapters sit on the untouched base, before the
first score is taken.
"""

from __future__ import annotations

import gc
import importlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, set_seed

from storage.data import row_files
from storage.models import Stage
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import StudioError
from templates.recipe import Recipe
from templates.spec import BaseFacts, TrainingParams
from workers import models
from workers.evaluation import compared, forgetting, scoring, verdict
from workers.evaluation.progress import noting
from workers.evaluation.scoring import Scores
from workers.export import bundle
from workers.protocol import Done, Entered, ModelRef, Noted, Order, Stopped
from workers.training import checkpoints
from workers.training.callbacks import Channel, Checkpoints, HeldOut, Progress, StopOnRequest, peak_memory_bytes
from workers.training.setups import TrainingData, TrainingSetup

log = logging.getLogger("studio.training")
SCORED_QUANTIZED = (
    "Both were scored on the quantized base, because it does not fit here in full precision; "
    "chat and the download use full precision, where answers may differ a little."
)
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """An order, read."""

    order: Order
    recipe: Recipe
    params: TrainingParams
    base: ModelRef
    facts: BaseFacts
    renderer: Renderer
    train: Rows
    held_out: Rows


class Stages:
    """Says which stage is entered, and times them."""

    def __init__(self, channel: Channel):
        self._channel = channel
        self._stage: Stage | None = None
        self._since = 0.0
        self.seconds: dict[str, float] = {}

    def enter(self, stage: Stage | None) -> None:
        """End the present stage and begin `stage`, if there is another."""
        now = time.monotonic()
        if self._stage:
            self.seconds[self._stage.value] = round(now - self._since, 3)
        self._stage, self._since = stage, now
        if stage:
            self._channel.send(Entered(stage=stage))


def run(order: Order, channel: Channel) -> Done | Stopped:
    """Do a training order. Raises `StudioError` for what is not the studio's fault."""
    torch.set_num_threads(order.threads)
    stages = Stages(channel)
    stages.enter(Stage.PREPARING)
    task = read(order)
    set_seed(task.params.seed)
    setup = _set_up(task, channel)
    full = registry.method(task.recipe.method).trains == "all_weights"
    base = models.load_base(task.base.base_folder, task.recipe.quantization, dtype="float32" if full else "auto")
    model = models.adapt(base, task.recipe)
    drafts = checkpoints.drafts(Path(order.checkpoints), order.attempt)
    if models.moves_base(task.recipe):
        models.save_start(model, drafts)
    stages.enter(Stage.TRAINING)
    actual = train(task, setup, model, drafts, channel)
    if channel.stop and channel.stop.stop != "keep":
        return Stopped(why=channel.stop.stop)
    stages.enter(Stage.EVALUATING)
    model = models.as_published(model, task.recipe, task.base.base_folder, task.facts.stored_dtype, drafts)
    base_scores, scores = _scores(task, model, channel)
    headline = registry.objective(task.recipe.objective).headline
    judged = verdict.judge(base_scores, scores, order.shape, _labels(task), headline=headline)
    remarks = (*judged.remarks, SCORED_QUANTIZED) if models.is_quantized(model) else judged.remarks
    forgotten = forgetting.measure(
        order, task.renderer, task.facts.context_length, lambda: _untouched(task, model), model, channel
    )
    judged = judged.model_copy(update={"remarks": remarks, "forgotten": forgotten})
    stages.enter(Stage.PUBLISHING)
    actual |= {"seconds": stages.seconds, "peak_memory_bytes": peak_memory_bytes()}
    staged = bundle.stage(order, _saver(task, model), judged, compared.compare(base_scores, scores), actual)
    stages.enter(None)
    return Done(result=judged.model_dump(mode="json"), actual=actual, **staged.model_dump())


def read(order: Order) -> Task:
    """Everything the order names. Raises `StudioError` naming what is missing."""
    if order.base is None or order.recipe is None or order.facts is None or not order.checkpoints:
        raise ValueError("a training order names its base, its facts, its recipe and its checkpoints")
    for what, path in (("The base model", order.base.base_folder), ("The dataset", order.dataset_file)):
        if not Path(path).exists():
            raise StudioError(f"{what} of this job is no longer there.", code="missing", remedy="Submit the job anew.")
    rows: Rows = row_files.read(Path(order.dataset_file))
    return Task(
        order=order,
        recipe=order.recipe,
        params=order.recipe.training(),
        base=order.base,
        facts=order.facts,
        renderer=Renderer(Path(order.base.base_folder)),
        train=[row for row in rows if not row["held_out"]],
        held_out=[row for row in rows if row["held_out"]],
    )


def _set_up(task: Task, channel: Channel) -> TrainingSetup:
    data = TrainingData(
        objective=task.recipe.objective,
        params=task.params,
        shape=task.order.shape,
        train=task.train,
        held_out=task.held_out,
        renderer=task.renderer,
    )
    setup: TrainingSetup = importlib.import_module(f"workers.objectives.{task.recipe.objective}").set_up(data)
    for kind, particulars in setup.remarks.items():
        channel.send(Noted(kind=kind, data=dict(particulars)))
    return setup


def train(task: Task, setup: TrainingSetup, model: PreTrainedModel, drafts: Path, channel: Channel) -> dict[str, Any]:
    """Train `model` in place, from the newest whole checkpoint if there is one; returns what it took."""
    folder = Path(task.order.checkpoints)
    checkpoint, flaws = checkpoints.newest(folder)
    for wrong in flaws:
        channel.send(Noted(kind="checkpoint_damaged", data={"what": wrong}))
    trainer = setup.trainer(model, drafts)
    progress = Progress(channel, task.params)
    callbacks = [progress, Checkpoints(channel, task.params, folder), StopOnRequest(channel)]
    if setup.held_out_loss:
        adapter = registry.method(task.recipe.method).trains == "adapter"
        stays = adapter and not models.moves_base(task.recipe)
        callbacks.insert(1, HeldOut(channel, task.params, setup.held_out_loss, base_stays=stays))
    for callback in callbacks:
        trainer.add_callback(callback)
    if checkpoint:
        log.info("resuming from %s", checkpoint.name)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    took = {
        "steps": trainer.state.global_step,
        "trained_tokens": trainer.state.num_input_tokens_seen,
        "tokens_per_s": round(progress.n_tokens / progress.busy_s, 1) if progress.busy_s else None,
    }
    model.zero_grad()
    del trainer
    gc.collect()  # the optimiser's state hangs in reference cycles, and evaluating needs memory too
    return took


def _scores(task: Task, model: PreTrainedModel, channel: Channel) -> tuple[Scores, Scores]:
    """The base's scores and the model's, on all held-out rows."""
    learned = registry.objective(task.recipe.objective)

    def score(which: PreTrainedModel, name: str) -> Scores:
        return scoring.score(
            which,
            task.renderer,
            task.order.shape,
            task.held_out,
            max_length=task.params.max_length,
            context_length=task.facts.context_length,
            trains_prompt=learned.trains_prompt,
            views=learned.views,
            eval_rows=task.order.eval_rows,
            progress=noting(channel, name),
            stopped=lambda: channel.abandoned,
        )

    with _untouched(task, model) as base:
        of_base = score(base, task.base.name)
    return of_base, score(model, task.order.name)


@contextmanager
def _untouched(task: Task, model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The base that `model` is compared with."""
    if registry.method(task.recipe.method).trains == "adapter":
        with model.disable_adapter():
            yield model
    else:
        yield models.load_base(task.base.base_folder)


def _labels(task: Task) -> list[str]:
    """Every label of a classification."""
    if "label_accuracy" not in registry.shape(task.order.shape).metrics:
        return []
    return sorted({row["label"] for row in task.train + task.held_out})


def _saver(task: Task, model: PreTrainedModel) -> Callable[[Path], None]:
    return lambda folder: models.save(model, task.recipe, folder, task.facts.stored_dtype)
