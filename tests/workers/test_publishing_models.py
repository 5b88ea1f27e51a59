"""Publishing a base model: whole and once, under its own name or a free one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storage import db, files, garbage, users
from storage.bases import base_models, checkpoint_headers
from storage.bases.sources import HubFile, HubSource, shared_folder
from storage.jobs import events, jobs, leases, recovery, worker_rows, workspaces
from storage.jobs.leases import Lease
from storage.models import BaseModelRow, User
from storage.settings import settings
from workers import publishing
from workers.heartbeat import Heartbeat
from workers.protocol import Done, MadeModel, Order

SOURCE = HubSource(
    title="org/nano", id="org/nano", revision="a" * 40, files=(HubFile(name="config.json", size_bytes=3),)
)


def claimed(user: User, *, shared: bool = False, name: str = "mine") -> Lease:
    spec = {"source": SOURCE.model_dump(mode="json"), "chat_template": None, "license": None, "shared": shared}
    jobs.submit(user, name=name, kind="download", spec=spec)
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    return lease


def publish(lease: Lease, folder: Path) -> None:
    """Stage the model in `folder`, and publish."""
    staging = workspaces.staging(lease.job.id, lease.attempt)
    shutil.copytree(folder, staging)
    facts = checkpoint_headers.facts(staging).model_copy(update={"made_from": "Q4_1", "greeting": "Hello."})
    made = MadeModel(
        manifest_sha256=files.seal(staging),
        source="hub",
        origin="org/nano",
        revision="a" * 40,
        license="MIT",
        facts=facts,
    )
    order = Order(
        kind="download", job_id=lease.job.id, attempt=1, name="mine", log_file="", threads=1, staging=str(staging)
    )
    heartbeat = Heartbeat(lease)
    try:
        publishing.publish(lease, order, Done(result={"sentence": "Added."}, actual={}, made=made), heartbeat)
    finally:
        heartbeat.stop()


def test_the_model_can_be_used_and_knows_its_job(studio: User, nano_folder: Path) -> None:
    lease = claimed(studio)
    publish(lease, nano_folder)
    row = base_models.get(studio, "mine")
    assert base_models.made_by(studio, lease.job.id) == row
    assert (row.owner_id, row.source, row.origin, row.revision, row.license) == (
        studio.id, "hub", "org/nano", "a" * 40, "MIT",
    )  # fmt: skip
    assert files.flaw(base_models.folder(row)) is None
    facts = base_models.facts(row)
    assert (facts.made_from, facts.greeting) == ("Q4_1", "Hello.")
    assert "dequantized from Q4_1" in base_models.summary(row)
    assert jobs.get(studio, lease.job.id).state == "SUCCEEDED"


def test_a_shared_one_is_everybodys(studio: User, nano_folder: Path) -> None:
    lease = claimed(studio, shared=True)
    publish(lease, nano_folder)
    assert base_models.get(users.add("alice", "correct horse battery"), "mine").is_shared
    assert base_models.made_by(studio, lease.job.id)


@pytest.mark.parametrize("shared", [False, True])
def test_a_name_taken_meanwhile_gets_a_number(studio: User, nano_folder: Path, shared: bool) -> None:
    lease = claimed(studio, shared=shared)
    with db.writing() as session:
        session.add(
            BaseModelRow(
                owner_id=None if shared else studio.id,
                name="mine",
                source="folder",
                origin="x",
                revision="x",
                license="MIT",
                location="bases/x",
                facts={},
                size_bytes=1,
                created_at=0.0,
            )
        )  # fmt: skip
    publish(lease, nano_folder)
    made = base_models.made_by(studio, lease.job.id)
    assert made is not None
    assert made.name == "mine-2"
    assert events.of_job(lease.job.id, "renamed")[0].data == {"wanted": "mine", "name": "mine-2"}


def test_a_lost_lease_adds_nothing(studio: User, nano_folder: Path) -> None:
    lease = claimed(studio)
    recovery.expire(dead_workers=[worker_rows.alive()[0].id])
    with pytest.raises(leases.LeaseLost):
        publish(lease, nano_folder)
    assert [row.name for row in base_models.of_user(studio)] == list(base_models.bundled())
    orphans = list((settings().files / base_models.BASES).glob("[!.]*"))
    assert len(orphans) == 1
    garbage.collect(older_than_s=-1)
    assert not orphans[0].exists()


def test_what_arrived_goes_when_no_job_needs_it(studio: User, nano_folder: Path) -> None:
    folder = shared_folder(SOURCE)
    assert folder is not None
    folder.mkdir(parents=True)
    lease = claimed(studio)
    garbage.collect(older_than_s=-1)
    assert folder.is_dir(), "the job runs"
    leases.fail(lease, "unreachable", "The hub does not respond.")
    garbage.collect(older_than_s=3600)
    assert folder.is_dir(), "a retry goes on with it"
    publish(claimed(studio, name="again"), nano_folder)
    garbage.collect(older_than_s=-1)
    assert not folder.exists()
