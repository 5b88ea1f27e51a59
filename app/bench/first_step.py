"""How long a submitted job waits for its first training step when a warm worker is there."""

from __future__ import annotations

import io
import statistics
import time
from typing import Any

from app.bench import ground
from storage import migrate, programs, users
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.jobs import events, jobs, worker_rows
from storage.models import TERMINAL, Dataset, Job, User
from storage.planning import training
from templates.errors import StudioError

N_ROWS = 64
WARM_WITHIN_S = 180.0
STEP_WITHIN_S = 120.0
LOOK_S = 0.2
"""Rare enough not to slow down the measured job; the times come from the database."""


def measure(rounds: int) -> dict[str, Any]:
    """The median over several jobs, one after another, from `created_at` to the first point of its chart."""
    with ground.fresh():
        migrate.upgrade()
        base_models.sync_bundled()
        user = users.local()
        data = _dataset(user)
        with programs.for_the_duration("worker", programs.WORKER):
            waits = [_one(user, data, number) for number in range(rounds)]
    return {"rounds": rounds, "first_step_s": statistics.median(waits), "each": waits}


def _dataset(user: User) -> Dataset:
    rows = "\n".join(f"What is {n} plus one?,{n + 1}" for n in range(N_ROWS))
    upload = uploads.save(user, "sums.csv", io.BytesIO(f"prompt,completion\n{rows}\n".encode()))
    return datasets.add(user, upload, name="sums", shape="prompt_completion")


def _one(user: User, data: Dataset, number: int) -> float:
    _wait_for_warmth()
    base = base_models.of_user(user)[0].name
    plan = training.plan(
        user, base=base, dataset=data.id, objective="sft", method="lora", preset="quick", settings={"max_steps": 2}
    )
    job = training.submit(user, plan, name=f"bench-{number}")
    first = _first_point(job)
    while (job := jobs.get(user, job.id)).state not in TERMINAL:
        time.sleep(LOOK_S)
    return first - job.created_at


def _wait_for_warmth() -> None:
    deadline = time.monotonic() + WARM_WITHIN_S
    while not any(row.ready and not row.busy for row in worker_rows.alive()):
        if time.monotonic() > deadline:
            raise StudioError("No worker became ready.", remedy=f"See {programs.log_path('worker')}.")
        time.sleep(LOOK_S)


def _first_point(job: Job) -> float:
    """When the first training step was recorded, by the database's clock."""
    deadline = time.monotonic() + STEP_WITHIN_S
    while time.monotonic() < deadline:
        points = [point.at for point in events.metrics(job.id) if point.split == "train"]
        if points:
            return min(points)
        time.sleep(LOOK_S)
    raise StudioError(f"Job {job.id} took no step within {STEP_WITHIN_S:g} s.")
