"""The machine for a job: a live worker's or this one; and the pace of earlier jobs there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil
from sqlmodel import col, select

from storage import db
from storage.models import Job, JobAttempt, JobInput, JobState, Worker
from storage.settings import settings
from templates import registry
from templates.recipe import Recipe
from templates.roles import Role
from templates.spec import BaseFacts

CPU_FLOP_PER_S = 2e10
GPU_FLOP_PER_S = 2e13
"""Cautious speeds for an unmeasured machine."""
IDLE_SHARE = 0.8
"""The share of a worker's memory assumed to be free after its current jobs."""
LOOKED_AT = 20


@dataclass(frozen=True)
class Machine:
    """The memory, disk space and speed that a job can count on."""

    name: str
    """Its device in words; without its host's name, which only administrators see."""
    on_gpu: bool
    memory_free_bytes: int
    disk_free_bytes: int
    flop_per_s: float
    calibrated: bool


@dataclass(frozen=True)
class Pace:
    """An earlier job's pace and recipe."""

    tokens_per_s: float
    """All that went through the model, also the vectors that the method puts before every row."""
    recipe: Recipe


def of_worker(worker: Worker | None, base: BaseFacts | None = None) -> Machine:
    """The worker's machine, at its speed for models like `base`.

    Without a worker, it is this machine's processor at a guessed speed.

    A waiting job starts when a slot is free, so memory used by the worker's current jobs counts as
    free.
    """
    here_memory, here_disk = psutil.virtual_memory().available, shutil.disk_usage(settings().files).free
    if worker is None:
        return Machine("this machine's CPU", False, here_memory, here_disk, CPU_FLOP_PER_S, False)
    on_gpu = worker.device != "cpu"
    measured = (base and base.is_wide and worker.wide_flop_per_s) or worker.flop_per_s
    free = worker.memory_free_bytes
    if worker.busy:
        free = max(free, round(IDLE_SHARE * worker.memory_total_bytes))
    return Machine(
        name=f"a worker's {worker.device if on_gpu else 'CPU'}",
        on_gpu=on_gpu,
        memory_free_bytes=free or here_memory,
        disk_free_bytes=worker.disk_free_bytes or here_disk,
        flop_per_s=measured or (GPU_FLOP_PER_S if on_gpu else CPU_FLOP_PER_S),
        calibrated=measured is not None,
    )


def earlier_pace(base_model_id: str, recipe: Recipe, worker: Worker | None) -> Pace | None:
    """The pace of the latest successful training on this base, preferably with the same method.

    Ignores jobs from workers on another kind of device.
    """
    training = [kind.key for kind in registry.job_kinds().values() if kind.trains]
    query = (
        select(Job, Worker.device)
        .join(JobAttempt, (col(JobAttempt.job_id) == Job.id) & (col(JobAttempt.attempt) == Job.attempt))
        .join(Worker, col(Worker.id) == JobAttempt.worker, isouter=True)
        .join(JobInput, (col(JobInput.job_id) == Job.id) & (col(JobInput.role) == Role.BASE))
        .where(JobInput.base_model_id == base_model_id, col(Job.kind).in_(training), Job.state == JobState.SUCCEEDED)
        .order_by(col(Job.finished_at).desc())
        .limit(LOOKED_AT)
    )
    with db.reading() as session:
        found = session.exec(query).all()
    paces = []
    for job, device in found:
        actual, recipe_then = job.actual or {}, Recipe.model_validate(job.spec["recipe"])
        if actual.get("tokens_per_s") and (worker is None or device in (None, worker.device)):
            paces.append(Pace(actual["tokens_per_s"] * _with_virtual(actual, recipe_then), recipe_then))
    alike = [p for p in paces if (p.recipe.method, p.recipe.quantization) == (recipe.method, recipe.quantization)]
    return next(iter(alike or paces), None)


def _with_virtual(actual: Mapping[str, Any], recipe: Recipe) -> float:
    """What went through the model per token of the rows: more than 1 where vectors stand before each row."""
    method, training = registry.methods().get(recipe.method), recipe.training()
    virtual = method.virtual_tokens(recipe.adaptation()) if method else 0
    sides = registry.objective(recipe.objective).cost.sides
    micro_steps = actual.get("steps", 0) * training.gradient_accumulation_steps
    rows, tokens = sides * training.per_device_train_batch_size * micro_steps, actual.get("trained_tokens", 0)
    return 1 + virtual * rows / tokens if tokens else 1.0
