"""Publishing rows as a dataset: whole and once, or not at all, like any artifact."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from storage import files
from storage.data import datasets, uploads
from storage.data.answers import dropped
from storage.jobs import events, jobs, leases, recovery, worker_rows, workspaces
from storage.jobs.leases import Lease
from storage.models import User
from workers import publishing
from workers.heartbeat import Heartbeat
from workers.protocol import Done, MadeDataset, Order


@pytest.fixture
def lease(studio: User) -> Lease:
    """A claimed job that will make a dataset."""
    jobs.submit(studio, name="answers", kind="generate", spec={})
    claimed = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert claimed
    return claimed


def publish(lease: Lease, content: bytes = b"rows") -> None:
    """Stage rows, change them to `content`, and publish."""
    staging = workspaces.staging(lease.job.id, lease.attempt)
    staging.mkdir(parents=True)
    (staging / "rows.parquet").write_bytes(b"rows")
    (staging / "dropped.jsonl").write_bytes(b"dropped\n")
    made = MadeDataset(
        manifest_sha256=files.seal(staging), file="rows.parquet", source="answers of m to p", shape="prompt_completion",
        n_rows=3, n_held_out=1, split_seed=7, remarks=({"message": "cut", "count": 1, "rows": [2]},),
        dropped_file="dropped.jsonl", teacher={"name": "m", "license": "mit"},
    )  # fmt: skip
    (staging / "rows.parquet").write_bytes(content)
    order = Order(
        kind="generate", job_id=lease.job.id, attempt=1, name="answers", log_file="", threads=1, staging=str(staging)
    )
    heartbeat = Heartbeat(lease)
    try:
        publishing.publish(lease, order, Done(result={"n_rows": 3}, actual={}, made=made), heartbeat)
    finally:
        heartbeat.stop()


def test_the_rows_become_a_dataset_of_the_job(studio: User, lease: Lease) -> None:
    publish(lease)
    made = datasets.made_by(studio, lease.job.id)
    assert made
    assert (made.name, made.shape, made.n_rows, made.n_held_out, made.split_seed) == (
        "answers",
        "prompt_completion",
        3,
        1,
        7,
    )
    assert datasets.file(made).read_bytes() == b"rows"
    assert list(dropped.lines(made)) == ["dropped\n"]
    assert made.teacher == {"name": "m", "license": "mit"}
    assert made.remarks == [{"message": "cut", "count": 1, "rows": [2]}]
    job = jobs.get(studio, lease.job.id)
    assert (job.state, job.result, job.artifact_id) == ("SUCCEEDED", {"n_rows": 3}, None)
    assert not Path(workspaces.staging(job.id, 1)).exists()


def test_a_name_taken_meanwhile_gets_a_number(studio: User, lease: Lease) -> None:
    rows = b"text,label\n" + b"".join(b"text %d,%d\n" % (i, i % 2) for i in range(20))
    datasets.add(studio, uploads.save(studio, "data.csv", io.BytesIO(rows)), name="answers")
    publish(lease)
    made = datasets.made_by(studio, lease.job.id)
    assert made
    assert made.name == "answers-2"
    assert events.of_job(lease.job.id, "renamed")[0].data == {"wanted": "answers", "name": "answers-2"}


def test_damaged_rows_are_not_published(studio: User, lease: Lease) -> None:
    publish(lease, b"else")
    assert datasets.of_user(studio) == []
    assert jobs.get(studio, lease.job.id).state == "QUEUED"


def test_a_lost_lease_publishes_nothing(studio: User, lease: Lease) -> None:
    recovery.expire(dead_workers=[worker_rows.alive()[0].id])
    with pytest.raises(leases.LeaseLost):
        publish(lease)
    assert datasets.of_user(studio) == []
    assert jobs.get(studio, lease.job.id).state == "QUEUED"
