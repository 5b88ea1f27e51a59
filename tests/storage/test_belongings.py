"""What becomes of a user's things: adopted, given away, or deleted with the account."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import belongings, db, garbage, users
from storage.bases import base_models
from storage.data import datasets
from storage.gallery import artifacts
from storage.jobs import jobs, leases
from storage.models import Artifact, BaseModelRow, JobState, User, Worker
from storage.settings import settings
from templates.errors import Conflict, NotFound
from tests.storage.conftest import StoreDataset
from tests.storage.jobs import held_jobs

PASSWORD = "correct horse battery"


def artifact_of(user: User, name: str) -> Artifact:
    job = jobs.submit(user, name=name, kind="train", spec={"n": name})
    jobs.cancel(user, job.id)
    location = f"artifacts/{job.id}/1"
    (settings().files / location).mkdir(parents=True)
    with db.writing() as session:
        made = Artifact(
            owner_id=user.id, name=name, job_id=job.id, attempt=1, kind="adapter", facts={}, location=location,
            manifest_sha256="x", size_bytes=1, duration_s=0.0, created_at=0.0,
        )  # fmt: skip
        session.add(made)
    return made


def base_of(user: User, name: str) -> BaseModelRow:
    with db.writing() as session:
        row = BaseModelRow(
            owner_id=user.id, name=name, source="folder", origin="x", revision="r", license="MIT",
            location=f"bases/{name}-{user.name}", facts={}, size_bytes=1, created_at=0.0,
        )  # fmt: skip
        session.add(row)
    (settings().files / row.location).mkdir(parents=True)
    return row


@pytest.fixture
def owner(studio: User, store_dataset: StoreDataset) -> User:
    """The local user with one thing of each kind, and two jobs that wait."""
    store_dataset("mail", "text", [{"text": "a"}, {"text": "b"}, {"text": "c"}])
    base_of(studio, "house")
    artifact_of(studio, "tone")
    held_jobs.submit(studio, "running")
    held_jobs.submit(studio, "waiting")
    return studio


def test_things_are_counted_and_said(owner: User) -> None:
    assert str(belongings.of(owner)) == "1 dataset, 1 base model, 1 result and 3 jobs (2 unfinished)"
    assert not belongings.of(users.add("alice", PASSWORD))


def test_the_first_administrator_adopts_what_was_made_without_accounts(owner: User, worker: Worker) -> None:
    alice = users.add("alice", PASSWORD)
    lease = held_jobs.claimed(worker)
    owned, renamed = belongings.give(owner, alice)
    assert (owned.datasets, owned.jobs, renamed) == (1, 3, [])
    assert datasets.get(alice, "mail").name == "mail"
    assert base_models.get(alice, "house").owner_id == alice.id
    assert artifacts.get(alice, "tone").name == "tone"
    assert {job.name for job in jobs.of_user(alice)} == {"tone", "running", "waiting"}
    assert not belongings.of(owner)
    with pytest.raises(NotFound):
        datasets.get(owner, "mail")
    made = Artifact(
        owner_id=owner.id, name="running", job_id=lease.job.id, attempt=1, kind="adapter", facts={}, location="x",
        manifest_sha256="x", size_bytes=1, duration_s=0.0, created_at=0.0,
    )  # fmt: skip
    leases.succeed(lease, made=made, result={}, actual={})
    assert artifacts.get(alice, "running").owner_id == alice.id, "a job that ran meanwhile publishes for its new owner"


def test_names_that_the_heir_uses_get_a_number(owner: User, store_dataset: StoreDataset) -> None:
    alice = users.add("alice", PASSWORD)
    base_of(alice, "house")
    artifact_of(alice, "tone")
    taken = jobs.submit(alice, name="x", kind="train", spec={}, idem_key="same")
    given = jobs.submit(owner, name="y", kind="train", spec={}, idem_key="same")
    _, renamed = belongings.give(owner, alice)
    assert {(one.old, one.new) for one in renamed} == {("house", "house-2"), ("tone", "tone-2")}
    assert base_models.get(alice, "house-2").name == "house-2"
    found = jobs.with_key(alice, "same")
    assert found
    assert found.id == taken.id
    assert jobs.get(alice, given.id).name == "y"


def test_an_account_that_owns_something_is_not_removed_before_you_say_what_becomes_of_it(owner: User) -> None:
    users.add("alice", PASSWORD)
    bob = users.add("bob", PASSWORD)
    belongings.give(owner, bob)
    with pytest.raises(Conflict, match=r"1 dataset, 1 base model, 1 result and 3 jobs \(2 unfinished\).*--give-to"):
        belongings.remove_owner(bob)
    assert users.with_password("bob", PASSWORD)
    assert belongings.of(bob)


def test_an_account_is_removed_and_its_things_go_on_elsewhere(owner: User) -> None:
    alice, bob = users.add("alice", PASSWORD), users.add("bob", PASSWORD)
    belongings.give(owner, bob)
    belongings.remove_owner(bob, heir=alice)
    assert users.with_password("bob", PASSWORD) is None
    assert datasets.get(alice, "mail")
    assert {job.state for job in jobs.of_user(alice) if job.name != "tone"} == {JobState.QUEUED}


def test_an_account_is_deleted_and_its_jobs_stop_cleanly(owner: User, worker: Worker) -> None:
    users.add("alice", PASSWORD)
    bob = users.add("bob", PASSWORD)
    belongings.give(owner, bob)
    lease = held_jobs.claimed(worker)
    belongings.remove_owner(bob, delete=True)
    states = {job.name: job.state for job in jobs.of_user(bob)}
    assert (states["running"], states["waiting"]) == (JobState.RUNNING, JobState.CANCELLED)
    assert leases.wish(lease) == leases.Renewal(cancel=True, keep=False)
    leases.cancelled(lease)
    assert leases.claim(worker) is None
    assert (datasets.of_user(bob), list(artifacts.of_user(bob))) == ([], [])
    assert users.add("bob", PASSWORD).id != bob.id
    folders = [*(settings().files / "artifacts").glob("*/*"), *(settings().files / "bases").glob("*")]
    assert len(folders) == 2
    garbage.collect(older_than_s=-1)
    assert not any(folder.exists() for folder in folders)


def test_what_a_job_publishes_after_its_owner_left_is_collected(owner: User, worker: Worker) -> None:
    users.add("alice", PASSWORD)
    bob = users.add("bob", PASSWORD)
    belongings.remove_owner(bob)
    left: Path = settings().files / artifact_of(bob, "late").location
    garbage.collect(older_than_s=-1)
    assert not left.exists()


def test_the_last_administrator_is_not_removed(studio: User) -> None:
    alice = users.add("alice", PASSWORD)
    users.add("bob", PASSWORD)
    with pytest.raises(Conflict, match="only administrator"):
        belongings.remove_owner(alice)
