"""The program of a `train` job: takes rows and a base, and makes a sealed folder to publish.

preparing → training → evaluating → publishing. It evaluates exactly what it publishes: before the first
score, weights are rounded to the precision they are stored in, and adapters are put on the untouched base.
"""

from __future__ import annotations

import gc
import importlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from transformers import PreTrainedModel, set_seed

from storage.models import Stage
from templates import registry
from templates.artifact_kind import ModelFacts
from templates.errors import StudioError
from templates.spec import WRITING
from workers import methods, models
from workers.evaluation import pace
from workers.export import bundle
from workers.orders.train import TrainingOrder
from workers.preferences.reward_model import RewardModel
from workers.protocol import Done, MadeArtifact, Noted, Stopped
from workers.rewards.judge import Judge
from workers.stages import Stages, Watch
from workers.training import best, checkpoints, contenders, judging, merging, results
from workers.training.best import Best
from workers.training.callbacks import Channel, Checkpoints, HeldOut, Progress, StopOnRequest, peak_memory_bytes
from workers.training.judging import OfTeacher
from workers.training.roots import Root
from workers.training.setups import TrainingData, TrainingSetup
from workers.training.task import Task, read
from workers.training.teachers import LoadedTeacher

log = logging.getLogger("studio.training")


def run(order: TrainingOrder, channel: Channel) -> Done | Stopped:
    """Carry out a training order. Raises `StudioError` for errors that are not the studio's fault."""
    torch.set_num_threads(order.threads)
    stages = Stages(channel)
    stages.enter(Stage.PREPARING)
    task = read(order)
    order = merging.grounded(order, task.renderer, task.train)
    teacher = LoadedTeacher(order) if order.teacher else None
    task = _with_rows(replace(task, order=order), teacher, stages, channel)
    order = task.order
    if order.reward:
        task = replace(task, reward=Judge(order.reward.ref.name, RewardModel.load(order.reward.ref)))
    set_seed(task.params.seed)
    root = Root(order) if order.continued else None
    setup = _set_up(task, channel, teacher, root)
    of_teacher = _taught_by(task, setup, teacher, stages, channel) if teacher else None
    result = results.of(task.recipe.objective)
    model = results.ready(result, task, setup)
    drafts = checkpoints.drafts(Path(order.checkpoints), order.attempt)
    if models.moves_base(task.recipe):
        models.save_start(model, drafts)
    stages.enter(Stage.TRAINING)
    actual = train(task, setup, model, drafts, channel)
    if root:
        root.free()
    if channel.stop and channel.stop.stop != "keep":
        return Stopped(why=channel.stop.stop)
    stages.enter(Stage.EVALUATING)
    model = results.as_published(result, task, model, drafts)
    judged = result.judge(task, setup, model, actual, channel, of_teacher)
    stages.enter(Stage.PUBLISHING)
    actual |= {"seconds": stages.seconds, "peak_memory_bytes": peak_memory_bytes()}
    staged = results.stage(task, model, judged, actual)
    stages.enter(None)
    verdict = judged.verdict.model_dump(mode="json")
    return Done(result=verdict, actual=actual, opened_held_out=True, made=_made(task, staged, verdict))


def _made(task: Task, staged: bundle.Staged, verdict: dict[str, Any]) -> MadeArtifact:
    """What the worker stores of the artifact."""
    order = task.order
    facts = ModelFacts(
        recipe=task.recipe.model_dump(mode="json"),
        weights_sha256=staged.weights_sha256,
        verdict=verdict,
        continued=order.continued.way if order.continued else "",
        own_base=order.own_base if registry.artifact_kind(staged.artifact_kind).on_base else "",
    )
    return MadeArtifact(
        kind=staged.artifact_kind, manifest_sha256=staged.manifest_sha256, facts=facts.model_dump(mode="json")
    )


def _with_rows(task: Task, teacher: LoadedTeacher | None, stages: Stages, channel: Channel) -> Task:
    """The task with the rows that its objective lets the teacher make, in a stage of its own."""
    learned = registry.objective(task.recipe.objective)
    if teacher is None or not learned.writes_to(registry.shape(task.order.shape)):
        return task
    stages.enter(WRITING)
    made: Task = _objective(task).with_rows(task, teacher, Watch(channel).of(0.0, judging.READ_PART))
    return made


def _objective(task: Task) -> ModuleType:
    return importlib.import_module(f"workers.objectives.{task.recipe.objective}")


def _taught_by(task: Task, setup: TrainingSetup, teacher: LoadedTeacher, stages: Stages, channel: Channel) -> OfTeacher:
    """What comes before the student is loaded: the work with the teacher, its scores on the held-out rows, its pace."""
    for stage, work in setup.beforehand.items():
        stages.enter(stage)
        _note(channel, work(Watch(channel).of(0.0, judging.READ_PART)))
    pass_s = teacher.pass_seconds(lambda model: pace.pass_seconds(model, judging.context_length(task)))
    found = teacher.scores(lambda model: judging.score_teacher(task, model, channel))
    teacher.free()
    return OfTeacher(found, pass_s)


def _set_up(
    task: Task, channel: Channel, teacher: LoadedTeacher | None = None, root: Root | None = None
) -> TrainingSetup:
    data = TrainingData(
        objective=task.recipe.objective,
        params=task.params,
        shape=task.order.shape,
        train=task.train,
        held_out=task.held_out,
        renderer=task.renderer,
        selection=task.selection,
        job_id=task.order.job_id,
        teacher=teacher,
        reward=task.reward,
        name=task.order.dataset_name,
        left_out=task.left_out,
        further=task.further,
        mix=task.order.mix,
        root=root,
        context_length=task.facts.context_length,
    )
    setup: TrainingSetup = _objective(task).set_up(data)
    if task.params.chooses and setup.selection_loss is None:
        raise StudioError(
            "There are too few training rows to set some apart for choosing the best weights.",
            code="nothing_to_choose_on",
            remedy="Use a dataset with more training rows, or turn off load_best_model_at_end and "
            "early_stopping_patience.",
        )
    _note(channel, setup.remarks)
    return setup


def _note(channel: Channel, remarks: Mapping[str, Mapping[str, Any]]) -> None:
    for kind, particulars in remarks.items():
        channel.send(Noted(kind=kind, data=dict(particulars)))


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
        chosen = Best(channel, task.params, setup.selection_loss, folder, setup.chosen_by)
        callbacks.insert(-2, chosen)  # before a checkpoint that says that its step is done
    own = methods.callbacks(task.recipe.method, model, checkpoint)
    for callback in [
        *own,
        *setup.callbacks(channel),
        *callbacks,
    ]:  # what the method's own save belongs into the checkpoint
        trainer.add_callback(callback)
    if checkpoint:
        log.info("resuming from %s", checkpoint.name)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if chosen and chosen.kept:
        best.restore(model, chosen.kept)
    methods.finish(task.recipe.method, model)
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
