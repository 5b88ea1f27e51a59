"""The program of a `train` job: takes rows and a base, and makes a sealed folder to publish.

preparing → training → evaluating → publishing. It evaluates exactly what it publishes: before the first
score, weights are rounded to the precision they are stored in, and adapters are put on the untouched base.
"""

from __future__ import annotations

import gc
import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, set_seed

from storage.data import row_files, selection, splits
from storage.models import Stage
from storage.rendering.renderer import Renderer
from templates import instructions, registry
from templates.artifact_kind import ModelFacts
from templates.errors import StudioError
from templates.recipe import Recipe
from templates.spec import BaseFacts, TrainingParams
from workers import models
from workers.evaluation import compared, forgetting, held_out, measures, row_outcomes, scoring, verdict
from workers.evaluation.forgetting import Forgotten
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.measures import Measure
from workers.evaluation.progress import Part, noting, of_training
from workers.evaluation.scoring import Scores
from workers.evaluation.sentences import Run
from workers.export import bundle
from workers.orders.train import TrainingOrder
from workers.protocol import Done, MadeArtifact, Noted, Stopped
from workers.stages import Stages
from workers.training import best, checkpoints, contenders, merging
from workers.training.best import Best
from workers.training.callbacks import Channel, Checkpoints, HeldOut, Progress, StopOnRequest, peak_memory_bytes
from workers.training.setups import TrainingData, TrainingSetup

log = logging.getLogger("studio.training")
SCORED_QUANTIZED = (
    "Both were scored on the quantized base, because the full-precision base does not fit here. "
    "Chat and the download use full precision, so their answers may differ slightly."
)
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """An order, read."""

    order: TrainingOrder
    recipe: Recipe
    params: TrainingParams
    facts: BaseFacts
    renderer: Renderer
    train: Rows
    selection: Rows
    """Set apart from the training side; empty if the training makes no choice."""
    held_out: Rows

    @property
    def parts(self) -> list[Part]:
        """The scorings of the evaluation: each model on held-out rows, then two on what may be forgotten."""
        order, n_asked = self.order, 0
        if order.forgetting_items:
            n_asked = len(registry.suite(order.forgetting_suite).abilities) * order.forgetting_items + order.own_prompts
        return of_training(len(self.held_out), order.eval_rows, n_asked, 3 if order.continued else 2)


def run(order: TrainingOrder, channel: Channel) -> Done | Stopped:
    """Carry out a training order. Raises `StudioError` for errors that are not the studio's fault."""
    torch.set_num_threads(order.threads)
    stages = Stages(channel)
    stages.enter(Stage.PREPARING)
    task = read(order)
    order = merging.grounded(order, task.renderer, task.train)
    task = replace(task, order=order)
    set_seed(task.params.seed)
    setup = _set_up(task, channel)
    model = _ready(order)
    drafts = checkpoints.drafts(Path(order.checkpoints), order.attempt)
    if models.moves_base(task.recipe):
        models.save_start(model, drafts)
    stages.enter(Stage.TRAINING)
    actual = train(task, setup, model, drafts, channel)
    if channel.stop and channel.stop.stop != "keep":
        return Stopped(why=channel.stop.stop)
    stages.enter(Stage.EVALUATING)
    model = models.as_published(model, task.recipe, order.base.base_folder, task.facts.stored_dtype, drafts)
    base_scores, scores = _scores(task, model, channel)
    headline = registry.objective(task.recipe.objective).headline
    side, run = _held_out_side(task), Run(actual["steps"], actual["planned_steps"], actual["stopped"])
    against = f"“{order.against}”" if order.continued else "the base"
    judged = verdict.judge(base_scores, scores, order.shape, side, against=against, headline=headline, run=run)
    if order.continued:
        of_root = _root_scores(task, model, channel)
        root = verdict.beside(order.base_name, of_root, scores, order.shape, side)
        judged = judged.model_copy(update={"parent": order.against, "root": root})
    judged = judged.model_copy(update={"measures": _measures(task, setup, side, model, channel)})
    remarks = (*judged.remarks, *([SCORED_QUANTIZED] if models.is_quantized(model) else []), *_chosen(task, actual))
    remarks += tuple(instructions.remarks(order.recipe.instruction))
    forgotten = _forgotten(task, model, channel)
    opening = order.held_out_openings + 1
    judged = judged.model_copy(update={"remarks": remarks, "forgotten": forgotten, "opening": opening})
    stages.enter(Stage.PUBLISHING)
    actual |= {"seconds": stages.seconds, "peak_memory_bytes": peak_memory_bytes()}
    outcomes = row_outcomes.of(scores, task.held_out, order.shape, side)
    staged = bundle.stage(order, _saver(task, model), judged, compared.compare(base_scores, scores), outcomes, actual)
    stages.enter(None)
    result = judged.model_dump(mode="json")
    told = ModelFacts(
        recipe=task.recipe.model_dump(mode="json"),
        weights_sha256=staged.weights_sha256,
        verdict=result,
        continued=order.continued.way if order.continued else "",
        own_base=order.own_base if staged.artifact_kind == "adapter" else "",
    )
    made = MadeArtifact(
        kind=staged.artifact_kind, manifest_sha256=staged.manifest_sha256, facts=told.model_dump(mode="json")
    )
    return Done(result=result, actual=actual, opened_held_out=True, made=made)


def read(order: TrainingOrder) -> Task:
    """Read everything that the order names. Raises `StudioError` naming what is missing."""
    for what, path in (("The base model", order.base.base_folder), ("The dataset", order.dataset_file)):
        if not Path(path).exists():
            raise StudioError(f"{what} of this job no longer exists.", code="missing", remedy="Submit the job again.")
    params = order.recipe.training()
    train, chosen_on = _training_side(order, params)
    return Task(
        order=order,
        recipe=order.recipe,
        params=params,
        facts=order.facts,
        renderer=Renderer(Path(order.base.base_folder)).instructed(order.recipe.instruction),
        train=train,
        selection=chosen_on,
        held_out=row_files.read(Path(order.dataset_file), held_out=True),
    )


def _ready(order: TrainingOrder) -> PreTrainedModel:
    """The model to train: a new adapter or all weights, or the parent's adapter."""
    full = registry.method(order.recipe.method).trains == "all_weights"
    base = models.load_base(order.base.base_folder, order.recipe.quantization, dtype="float32" if full else "auto")
    if order.continued and order.continued.way == "same_adapter":
        return models.trained_further(base, str(order.continued.parent.adapter_folder))
    return models.adapt(base, order.recipe)


def _training_side(order: TrainingOrder, params: TrainingParams) -> tuple[Rows, Rows]:
    """The rows to learn from, and those to choose the weights on (empty if no choice is made)."""
    file = Path(order.dataset_file)
    if not params.chooses:
        return row_files.read(file, held_out=False), []
    seed = splits.DRAWN.seed if order.split_seed is None else order.split_seed
    divided = selection.divided(file, registry.shape(order.shape), seed)
    return divided.training, divided.selection


def _set_up(task: Task, channel: Channel) -> TrainingSetup:
    data = TrainingData(
        objective=task.recipe.objective,
        params=task.params,
        shape=task.order.shape,
        train=task.train,
        held_out=task.held_out,
        renderer=task.renderer,
        selection=task.selection,
    )
    setup: TrainingSetup = importlib.import_module(f"workers.objectives.{task.recipe.objective}").set_up(data)
    if task.params.chooses and setup.selection_loss is None:
        raise StudioError(
            "There are too few training rows to set some apart for choosing the best weights.",
            code="nothing_to_choose_on",
            remedy="Use a dataset with more training rows, or turn off load_best_model_at_end and "
            "early_stopping_patience.",
        )
    for kind, particulars in setup.remarks.items():
        channel.send(Noted(kind=kind, data=dict(particulars)))
    return setup


def train(task: Task, setup: TrainingSetup, model: PreTrainedModel, drafts: Path, channel: Channel) -> dict[str, Any]:
    """Train `model` in place, from the newest complete checkpoint if there is one; returns the figures."""
    folder = Path(task.order.checkpoints)
    checkpoint, flaws = checkpoints.newest(folder)
    for wrong in flaws:
        channel.send(Noted(kind="checkpoint_damaged", data={"what": wrong}))
    trainer = setup.trainer(model, drafts)
    declared = registry.objective(task.recipe.objective).metrics
    progress = Progress(channel, task.params, [metric.key for metric in declared])
    callbacks = [progress, Checkpoints(channel, task.params, folder), StopOnRequest(channel)]
    if setup.held_out_loss:
        stays = contenders.parent_stays(task.order)
        callbacks.insert(1, HeldOut(channel, task.params, setup.held_out_loss, base_stays=stays))
    chosen = None
    if task.params.chooses and setup.selection_loss:
        chosen = Best(channel, task.params, setup.selection_loss, folder)
        callbacks.insert(-2, chosen)  # before a checkpoint that says that its step is done
    for callback in callbacks:
        trainer.add_callback(callback)
    if checkpoint:
        log.info("resuming from %s", checkpoint.name)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if chosen and chosen.kept:
        best.restore(model, chosen.kept)
    took = {
        "steps": trainer.state.global_step,
        "planned_steps": trainer.state.max_steps,
        "stopped": channel.stop is not None and trainer.state.global_step < trainer.state.max_steps,
        **({"chosen_step": chosen.kept.step, "selection_loss": chosen.kept.loss} if chosen and chosen.kept else {}),
        "trained_tokens": trainer.state.num_input_tokens_seen,
        "tokens_per_s": round(progress.n_tokens / progress.busy_s, 1) if progress.busy_s else None,
    }
    model.zero_grad()
    del trainer
    gc.collect()  # reference cycles hold the optimiser's state, and evaluation needs the memory
    return took


def _scores(task: Task, model: PreTrainedModel, channel: Channel) -> tuple[Scores, Scores]:
    """The scores of what the training started from and of the model, on all held-out rows."""
    with contenders.parent(task.order, model) as base:
        of_base = _score(task, base, task.order.base.name, task.parts[0], channel)
    return of_base, _score(task, model, task.order.name, task.parts[1], channel)


def _root_scores(task: Task, model: PreTrainedModel, channel: Channel) -> Scores:
    """The scores of the base model at the root of the chain, on the same rows."""
    with contenders.root(task.order, model) as base:
        return _score(task, base, task.order.base_name, task.parts[2], channel)


def _score(task: Task, which: PreTrainedModel, name: str, part: Part, channel: Channel) -> Scores:
    learned = registry.objective(task.recipe.objective)
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
        progress=noting(channel, name, part=part),
        stopped=lambda: channel.abandoned,
    )


def _forgotten(task: Task, model: PreTrainedModel, channel: Channel) -> Forgotten | None:
    plain, length, parts = task.renderer.instructed(""), task.facts.context_length, task.parts[-2:]
    before = partial(contenders.parent, task.order, model)
    return forgetting.measure(task.order, plain, length, before, model, channel, parts)


def _measures(
    task: Task, setup: TrainingSetup, side: HeldOutSide, model: PreTrainedModel, channel: Channel
) -> dict[str, Measure]:
    """The objective's own metrics of base and model, on all held-out rows."""
    if setup.measure_rows is None:
        return {}
    with contenders.parent(task.order, model) as base:
        of_base = setup.measure_rows(base, lambda: channel.abandoned)
    of_model = setup.measure_rows(model, lambda: channel.abandoned)
    declared = registry.objective(task.recipe.objective).metrics
    return measures.compare(declared, of_base, of_model, side.grouping.groups)


def _chosen(task: Task, actual: Mapping[str, Any]) -> list[str]:
    """A remark on which weights were published, if there was a choice."""
    if not task.params.chooses:
        return []
    if "chosen_step" not in actual:
        return ["The loss on the rows set apart could not be measured, so the last weights were published."]
    return [
        f"The weights after step {actual['chosen_step']:,} of {actual['steps']:,} were published: they had the lowest "
        f"loss, {actual['selection_loss']:.3g}, on {len(task.selection):,} rows set apart, which were not used for "
        "training."
    ]


def _held_out_side(task: Task) -> HeldOutSide:
    """What the verdict needs to know of the dataset."""
    documents = row_files.documents(Path(task.order.dataset_file))
    return held_out.of(task.order.shape, task.train + task.selection, task.held_out, documents)


def _saver(task: Task, model: PreTrainedModel) -> Callable[[Path], None]:
    return lambda folder: models.save(model, task.recipe, folder, task.facts.stored_dtype)
