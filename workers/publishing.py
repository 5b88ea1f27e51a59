"""Publishes a result once: checks the staged files, moves them into place, and records them in one transaction.

A worker that dies in between leaves a folder without a row; the sweeper removes it later.
"""

from __future__ import annotations

import logging
from pathlib import Path

from storage import db, disk, files, job_inputs
from storage.bases import base_models
from storage.jobs import leases, workspaces
from storage.jobs.leases import Lease
from storage.jobs.made import Made
from storage.models import Artifact, BaseModelRow, Dataset, Job, new_id
from storage.settings import settings
from templates import registry
from workers.heartbeat import Heartbeat
from workers.protocol import Done, MadeArtifact, MadeDataset, MadeModel, Order

log = logging.getLogger(__name__)


class Unpublishable(Exception):
    """The staged files can't be published; the message says why."""


def publish(lease: Lease, order: Order, done: Done, heartbeat: Heartbeat) -> None:
    """End the attempt with the child's result. After `LeaseLost`, nothing of it becomes visible."""
    try:
        made = _made(lease, order, done)
    except Unpublishable as error:
        wrong = str(error)
        heartbeat.stop()
        db.insist(lambda: leases.crashed(lease, "publishing_failed", wrong, "Check the disk, then retry the job."))
        return
    heartbeat.stop()
    if heartbeat.wish.cancel and not heartbeat.wish.keep:
        db.insist(lambda: leases.cancelled(lease))
    else:
        on = job_inputs.of_job(lease.job.id).measured_on if done.opened_held_out else None
        opened = on.id if on else None
        db.insist(lambda: leases.succeed(lease, made=made, opened=opened, result=done.result, actual=done.actual))
    clean_up(lease)


def _made(lease: Lease, order: Order, done: Done) -> Made | None:
    """Move the job's result into place; returns its row, to be stored with the end of the job."""
    wanted, said = registry.job_kind(order.kind).publishes, done.made
    if wanted is None:
        return None
    if said is None or said.what != wanted:
        raise Unpublishable("The job ended without reporting a result.")
    staging = Path(order.staging)
    wrong = files.flaw(staging, said.manifest_sha256)
    if wrong:
        raise Unpublishable(f"The job's result is damaged: {wrong}.")
    try:
        if isinstance(said, MadeArtifact):
            return _artifact(lease, staging, said)
        return _dataset(lease, staging, said) if isinstance(said, MadeDataset) else _model(lease.job, staging, said)
    except OSError as error:
        log.exception("job %s: can't move the result into place", lease.job.id)
        reason = disk.full().problems[0].message if disk.is_full(error) else (error.strerror or type(error).__name__)
        raise Unpublishable(f"The result could not be moved into place: {reason}.") from error


def _artifact(lease: Lease, staging: Path, said: MadeArtifact) -> Artifact:
    job = lease.job
    facts = registry.artifact_kind(said.kind).facts.model_validate(said.facts)
    location = workspaces.artifact_location(job.id, lease.attempt)
    folder = settings().files / location
    files.move_folder(staging, folder)
    return Artifact(
        owner_id=job.owner_id,
        name=job.name,
        job_id=job.id,
        attempt=lease.attempt,
        kind=said.kind,
        facts=facts.model_dump(mode="json"),
        location=location,
        manifest_sha256=said.manifest_sha256,
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        duration_s=0.0,
        created_at=0.0,
    )


def _dataset(lease: Lease, staging: Path, said: MadeDataset) -> Dataset:
    return Dataset(
        owner_id=lease.job.owner_id,
        name=lease.job.name,
        shape=said.shape,
        source_filename=said.source,
        sha256=_blob(staging / said.file),
        dropped_sha256=_blob(staging / said.dropped_file) if said.dropped_file else None,
        teacher=said.teacher,
        mapping={},
        n_rows=said.n_rows,
        n_held_out=said.n_held_out,
        split_seed=said.split_seed,
        instruction=said.instruction,
        remarks=list(said.remarks),
        made_by_job_id=lease.job.id,
        created_at=0.0,
    )


def _blob(path: Path) -> str:
    with path.open("rb") as file:
        sha256, _ = files.put_blob(file)
    return sha256


def _model(job: Job, staging: Path, said: MadeModel) -> BaseModelRow:
    row_id = new_id()
    folder = settings().files / base_models.BASES / row_id
    files.move_folder(staging, folder)
    return BaseModelRow(
        id=row_id,
        owner_id=None if job.spec["shared"] else job.owner_id,
        name=job.name,
        source=said.source,
        origin=said.origin,
        revision=said.revision,
        license=said.license,
        location=f"{base_models.BASES}/{row_id}",
        facts=said.facts.model_dump(mode="json"),
        size_bytes=sum(path.stat().st_size for path in folder.iterdir()),
        made_by_job_id=job.id,
        created_at=0.0,
    )


def clean_up(lease: Lease) -> None:
    """Remove the finished job's checkpoints and staging folders."""
    workspaces.clean(lease.job.id)
