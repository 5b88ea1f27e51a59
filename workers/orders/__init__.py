"""Turns a claimed job into an order for its child: one file per kind of job.

`workers/orders/<kind>.py` defines the class `ORDER` and the function `order(claimed)` that fills it in. Unlike
the program with the same name, it runs in the worker's own process, so it must not import torch.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from storage import job_inputs
from storage.job_inputs import Inputs
from storage.jobs import workspaces
from storage.jobs.leases import Lease
from storage.models import Artifact, BaseModelRow, Dataset, Job
from templates import registry
from templates.errors import StudioError
from templates.roles import Role
from workers.protocol import Order


@dataclass(frozen=True)
class Claimed:
    """A job that a worker holds, with its inputs."""

    job: Job
    inputs: Inputs
    common: dict[str, Any]
    """The fields that every order has."""

    def model(self, role: Role) -> BaseModelRow | Artifact:
        """The model in this role. Raises `StudioError` without one."""
        found = self.inputs.model(role)
        if found is None:
            raise from_another_version(self.job.kind)
        return found

    def dataset(self, role: Role) -> Dataset:
        """The dataset in this role. Raises `StudioError` without one."""
        found = self.inputs.dataset(role)
        if found is None:
            raise from_another_version(self.job.kind)
        return found


def of(lease: Lease, threads: int) -> Order:
    """The order for this attempt; its staging and checkpoint folders exist.

    Raises `StudioError` if a model or the dataset is gone, or if this version of the product doesn't
    understand the job.
    """
    job = lease.job
    if job.kind not in registry.job_kinds():
        raise from_another_version(job.kind)
    staging, checkpoints = workspaces.staging(job.id, lease.attempt), workspaces.checkpoints(job.id)
    common = {
        "kind": job.kind,
        "job_id": job.id,
        "attempt": lease.attempt,
        "name": job.name,
        "log_file": str(workspaces.log_path(job.id, lease.attempt)),
        "threads": threads,
        "staging": str(staging),
        "checkpoints": str(checkpoints),
    }
    claimed = Claimed(job, job_inputs.of_job(job.id), common)
    try:
        made: Order = _module(job.kind).order(claimed)
    except ValidationError as error:
        raise from_another_version(job.kind) from error
    for folder in (staging, checkpoints):
        folder.mkdir(parents=True, exist_ok=True)
    return made


def read(line: bytes) -> Order:
    """Parse an order in the child. Raises `ValueError` for anything else."""
    kind = json.loads(line)["kind"]
    if kind not in registry.job_kinds():
        raise ValueError(f"not a kind of job: {kind!r}")
    order: Order = _module(kind).ORDER.model_validate_json(line)
    return order


def _module(kind: str) -> Any:
    return importlib.import_module(f"{__name__}.{kind}")


def from_another_version(kind: str) -> StudioError:
    """The error for a job that this version doesn't understand."""
    return StudioError(
        f"Another version of the studio created this {kind} job, in a format that this one can't read.",
        code="old_job",
        remedy="Submit it again.",
    )
