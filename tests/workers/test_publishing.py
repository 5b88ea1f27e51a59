"""Publishing: whole and once, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select

from storage import db, files, job_inputs
from storage.gallery import artifacts
from storage.jobs import events, jobs, leases, recovery, worker_rows, workspaces
from storage.jobs.leases import Lease
from storage.models import Artifact, BaseModelRow, Dataset, HeldOutOpening, Job, User
from templates.recipe import compose
from templates.roles import Role
from templates.spec import BaseFacts
from workers import publishing
from workers.heartbeat import Heartbeat
from workers.orders.train import TrainingOrder
from workers.protocol import Done, MadeArtifact, ModelRef

FACTS = BaseFacts(
    architecture="LlamaForCausalLM", n_parameters=1, n_linear_parameters=1, hidden_size=1, intermediate_size=1,
    n_layers=1, n_heads=1, n_kv_heads=1, vocab_size=1, context_length=1, weights_bytes=1, stored_dtype="float32",
)  # fmt: skip


@pytest.fixture
def lease(studio: User) -> Lease:
    """A claimed training job."""
    base = BaseModelRow(
        name="base", source="folder", origin="base", revision="r", license="", location="b", facts={}, size_bytes=1,
        created_at=0,
    )  # fmt: skip
    data = Dataset(
        owner_id=studio.id, name="rows", shape="text", source_filename="r", sha256="s", mapping={}, n_rows=1,
        n_held_out=0, split_seed=1, created_at=0,
    )  # fmt: skip
    with db.writing() as session:
        session.add(base)
        session.add(data)
    jobs.submit(
        studio,
        name="tone",
        kind="train",
        spec={},
        inputs=[*job_inputs.of(Role.BASE, base), *job_inputs.of(Role.TRAINING, data)],
    )
    claimed = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert claimed
    return claimed


def staged(lease: Lease) -> tuple[TrainingOrder, Done]:
    staging = workspaces.staging(lease.job.id, lease.attempt)
    staging.mkdir(parents=True)
    (staging / "adapter_model.safetensors").write_bytes(b"weights")
    workspaces.checkpoints(lease.job.id).mkdir(parents=True)
    order = TrainingOrder(
        kind="train", job_id=lease.job.id, attempt=lease.attempt, name="tone", log_file="", shape="text",
        dataset_file="rows.parquet", dataset_name="", dataset_sha256="", eval_rows=1, threads=1, staging=str(staging),
        recipe=compose("sft", "lora"), base=ModelRef(name="base", base_folder="b", base_revision="r"),
        base_name="base", base_source="folder", facts=FACTS,
    )  # fmt: skip
    done = Done(
        result={"verdict": "better"}, actual={"steps": 3},
        made=MadeArtifact(
            kind="adapter", manifest_sha256=files.seal(staging),
            facts={"recipe": {}, "weights_sha256": hashlib.sha256(b"weights").hexdigest(), "verdict": {}},
        ),
    )  # fmt: skip
    return order, done


@pytest.fixture
def publish(lease: Lease) -> Callable[[TrainingOrder, Done], None]:
    """Publish with a live heartbeat."""

    def publish(order: TrainingOrder, done: Done) -> None:
        heartbeat = Heartbeat(lease)
        try:
            publishing.publish(lease, order, done, heartbeat)
        finally:
            heartbeat.stop()

    return publish


Publish = Callable[[TrainingOrder, Done], None]


def test_what_was_staged_is_the_artifact(studio: User, lease: Lease, publish: Publish) -> None:
    publish(*staged(lease))
    job = jobs.get(studio, lease.job.id)
    artifact = artifacts.get(studio, "tone")
    assert (job.state, job.artifact_id, job.actual, job.result) == (
        "SUCCEEDED",
        artifact.id,
        {"steps": 3},
        {"verdict": "better"},
    )
    assert artifact.duration_s > 0
    assert artifact.size_bytes > len(b"weights")
    files.verify(artifacts.folder(artifact), artifact.manifest_sha256)
    assert not workspaces.checkpoints(job.id).exists()
    assert not Path(workspaces.staging(job.id, 1)).exists()


def test_a_damaged_result_is_tried_again_not_published(studio: User, lease: Lease, publish: Publish) -> None:
    order, done = staged(lease)
    (Path(order.staging) / "adapter_model.safetensors").write_bytes(b"damaged")
    publish(order, done)
    assert jobs.get(studio, lease.job.id).state == "QUEUED"
    assert artifacts.of_user(studio) == []
    assert "checksum" in str(events.of_job(lease.job.id, "requeued")[0].data["why"])


def test_a_result_that_nothing_is_said_of_is_not_published(studio: User, lease: Lease, publish: Publish) -> None:
    order, done = staged(lease)
    publish(order, done.model_copy(update={"made": None}))
    assert artifacts.of_user(studio) == []


def test_a_lost_lease_publishes_nothing(studio: User, lease: Lease, publish: Publish) -> None:
    order, done = staged(lease)
    recovery.expire(dead_workers=[worker_rows.alive()[0].id])
    with pytest.raises(leases.LeaseLost):
        publish(order, done)
    assert artifacts.of_user(studio) == []
    assert jobs.get(studio, lease.job.id).state == "QUEUED"


def test_a_job_cancelled_meanwhile_is_not_published(studio: User, lease: Lease, publish: Publish) -> None:
    order, done = staged(lease)
    jobs.cancel(studio, lease.job.id)
    heartbeat = Heartbeat(lease)
    heartbeat.tell(stage="publishing", urgent=True)
    publishing.publish(lease, order, done, heartbeat)
    assert jobs.get(studio, lease.job.id).state == "CANCELLED"
    assert artifacts.of_user(studio) == []


def test_a_result_from_held_out_rows_is_counted_with_it(studio: User, lease: Lease, publish: Publish) -> None:
    order, done = staged(lease)
    publish(order, done.model_copy(update={"opened_held_out": True}))
    with db.reading() as session:
        (opening,) = session.exec(select(HeldOutOpening)).all()
    measured_on = job_inputs.of_job(lease.job.id).measured_on
    assert measured_on
    assert (opening.job_id, opening.attempt, opening.dataset_id) == (lease.job.id, 1, measured_on.id)


def test_a_job_cancelled_meanwhile_opens_nothing(studio: User, lease: Lease, publish: Publish) -> None:
    order, done = staged(lease)
    jobs.cancel(studio, lease.job.id)
    heartbeat = Heartbeat(lease)
    heartbeat.tell(stage="publishing", urgent=True)
    publishing.publish(lease, order, done.model_copy(update={"opened_held_out": True}), heartbeat)
    with db.reading() as session:
        assert session.exec(select(HeldOutOpening)).all() == []


def test_an_evaluation_publishes_its_scores_only(studio: User, lease: Lease, publish: Publish) -> None:
    order, _ = staged(lease)
    publish(order.model_copy(update={"kind": "evaluate"}), Done(result={"scores": [1]}, actual={}))
    assert jobs.get(studio, lease.job.id).result == {"scores": [1]}
    with db.reading() as session:
        assert session.exec(select(Artifact)).all() == []
        assert session.get_one(Job, lease.job.id).artifact_id is None
