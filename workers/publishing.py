"""Publishing, once: check what the child staged, move it to its final place, then say so in one transaction.

A worker that dies between the two leaves a folder that no row names; the sweeper removes it later.
"""

from __future__ import annotations

import errno
import logging
from pathlib import Path

from storage import db, files
from storage.jobs import leases, workspaces
from storage.jobs.leases import Lease
from storage.models import Artifact
from storage.settings import settings
from workers.heartbeat import Heartbeat
from workers.protocol import Done, Order

log = logging.getLogger(__name__)


def publish(lease: Lease, order: Order, done: Done, heartbeat: Heartbeat) -> None:
    """End the attempt as its child wanted. Raises `LeaseLost`; then nothing of it is ever seen."""
    artifact = None
    if order.kind == "train":
        wrong = _place(lease, order, done)
        if wrong:
            heartbeat.stop()
            db.insist(
                lambda: leases.crashed(lease, "publishing_failed", wrong, "Look at the disk, then retry the job.")
            )
            return
        artifact = _row(lease, order, done)
    heartbeat.stop()
    if heartbeat.wish.cancel and not heartbeat.wish.keep:
        db.insist(lambda: leases.cancelled(lease))
    else:
        opened = lease.job.dataset_id if done.opened_held_out else None
        db.insist(
            lambda: leases.succeed(lease, artifact=artifact, opened=opened, result=done.result, actual=done.actual)
        )
    clean_up(lease)


def _place(lease: Lease, order: Order, done: Done) -> str | None:
    """Move the staged folder to its final place; what is wrong with it, if it can't be published."""
    staging = Path(order.staging)
    if done.manifest_sha256 is None or done.weights_sha256 is None or done.artifact_kind is None:
        return "The training ended without saying what it made."
    wrong = files.flaw(staging, done.manifest_sha256)
    if wrong:
        return f"What the training made is damaged: {wrong}."
    try:
        files.move_folder(staging, settings().files / workspaces.artifact_location(lease.job.id, lease.attempt))
    except OSError as error:
        log.exception("job %s: the artifact can't be moved to its place", lease.job.id)
        reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or type(error).__name__)
        return f"The result could not be put in its place: {reason}."
    return None


def _row(lease: Lease, order: Order, done: Done) -> Artifact:
    job = lease.job
    location = workspaces.artifact_location(job.id, lease.attempt)
    folder = settings().files / location
    assert done.artifact_kind
    assert done.manifest_sha256
    assert done.weights_sha256
    assert order.recipe
    assert job.base_model_id
    assert job.dataset_id
    return Artifact(
        owner_id=job.owner_id,
        name=job.name,
        job_id=job.id,
        attempt=lease.attempt,
        kind=done.artifact_kind,
        base_model_id=job.base_model_id,
        dataset_id=job.dataset_id,
        recipe=order.recipe.model_dump(mode="json"),
        location=location,
        manifest_sha256=done.manifest_sha256,
        weights_sha256=done.weights_sha256,
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        verdict=done.result,
        duration_s=0.0,
        created_at=0.0,
    )


def clean_up(lease: Lease) -> None:
    """Remove the ended job's checkpoints and staging folders."""
    workspaces.clean(lease.job.id)
