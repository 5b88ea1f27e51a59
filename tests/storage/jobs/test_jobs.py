"""Submitting, cancelling, retrying: accepted jobs are never lost, never doubled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import IntegrityError

from storage import db, users
from storage.jobs import events, jobs, leases, worker_rows
from storage.models import Job, JobInput, JobState, User, Worker
from templates.errors import Conflict, NotFound


def submit(user: User, name: str = "tone", idem_key: str | None = None) -> Job:
    return jobs.submit(user, name=name, kind="train", spec={"n": 1}, idem_key=idem_key)


@pytest.fixture
def worker(studio: User) -> Worker:
    """A worker that is there."""
    return worker_rows.register(device="cpu", slots=1)


def claimed(worker: Worker, job: Job) -> leases.Lease:
    lease = leases.claim(worker, job.id)
    assert lease
    return lease


def test_a_double_click_makes_one_job(studio: User) -> None:
    with ThreadPoolExecutor(8) as clicks:
        made = {job.id for job in clicks.map(lambda _: submit(studio, idem_key="k"), range(16))}
    assert len(made) == 1
    assert len(jobs.of_user(studio)) == 1


def test_a_key_of_another_job_is_refused(studio: User) -> None:
    submit(studio, "one", "k")
    with pytest.raises(Conflict, match="a different job"):
        submit(studio, "two", "k")
    assert submit(users.add("ada", "a long password"), "two", "k").name == "two"


def test_a_job_on_a_missing_base_is_not_taken_for_a_double(studio: User) -> None:
    with pytest.raises(IntegrityError):
        jobs.submit(studio, name="x", kind="train", spec={}, inputs=[JobInput(role="base", base_model_id="gone")])


def test_only_the_owner_sees_and_changes_a_job(studio: User) -> None:
    job, stranger = submit(studio), users.add("mallory", "a long password")
    for act in (jobs.get, jobs.cancel, jobs.retry, jobs.attempts):
        with pytest.raises(NotFound):
            act(stranger, job.id)
    assert jobs.of_user(stranger) == []


def test_position_counts_who_waits_longer(studio: User, worker: Worker) -> None:
    first, second = submit(studio, "a"), submit(studio, "b")
    assert [jobs.position(first), jobs.position(second)] == [1, 2]
    claimed(worker, first)
    assert jobs.position(jobs.get(studio, first.id)) is None
    assert jobs.position(second) == 1


def test_cancel_ends_a_waiting_job_and_asks_a_running_one(studio: User, worker: Worker) -> None:
    waiting, running = submit(studio, "a"), submit(studio, "b")
    lease = claimed(worker, running)
    assert jobs.cancel(studio, waiting.id).state == JobState.CANCELLED
    assert jobs.cancel(studio, running.id, keep=True).state == JobState.RUNNING
    assert leases.renew(lease) == leases.Renewal(cancel=True, keep=True)
    jobs.cancel(studio, running.id)
    assert leases.wish(lease) == leases.Renewal(cancel=True, keep=False)
    leases.cancelled(lease)
    for job in (waiting, running):
        with pytest.raises(Conflict, match="already finished"):
            jobs.cancel(studio, job.id)
    assert [event.kind for event in events.of_job(running.id)][-1] == "cancelled"


def test_keeping_waits_for_the_attempt_that_has_a_checkpoint(studio: User, worker: Worker) -> None:
    job = submit(studio)
    lease = claimed(worker, job)
    leases.renew(lease, checkpoint_step=5, advanced=True)
    leases.give_back(lease, "drain")
    assert jobs.cancel(studio, job.id, keep=True).state == JobState.QUEUED
    assert leases.renew(claimed(worker, job)) == leases.Renewal(cancel=True, keep=True)


def test_retry_makes_a_new_job_of_an_ended_one(studio: User) -> None:
    job = submit(studio)
    with pytest.raises(Conflict, match="QUEUED"):
        jobs.retry(studio, job.id)
    jobs.cancel(studio, job.id)
    again = jobs.retry(studio, job.id)
    assert (again.retry_of, again.spec, again.state) == (job.id, job.spec, JobState.QUEUED)


def test_a_retry_whose_name_is_taken_is_numbered_and_says_so(studio: User) -> None:
    job = submit(studio, "llama-3")
    jobs.cancel(studio, job.id)
    names = []
    for _ in range(3):  # each waits, so each holds its name
        again = jobs.retry(studio, job.id)
        names.append(again.name)
    assert names == ["llama-3", "llama-3-2", "llama-3-3"]
    told = events.of_job(again.id, "renamed")
    assert [event.data for event in told] == [{"wanted": "llama-3", "name": "llama-3-3"}]
    jobs.cancel(studio, again.id)
    third = jobs.retry(studio, again.id)
    assert (third.name, list(events.of_job(third.id, "renamed"))) == ("llama-3-3", [])
    assert jobs.retry(studio, again.id).name == "llama-3-4"
    longest = submit(studio, "x" * 64)
    jobs.cancel(studio, longest.id)
    assert [jobs.retry(studio, longest.id).name for _ in range(2)] == ["x" * 64, "x" * 62 + "-2"]


def test_a_lost_ring_does_not_lose_the_job(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.jobs.queue.ring", lambda _: False)
    job = submit(studio)
    with db.reading() as session:
        assert session.get_one(Job, job.id).rung_at == 0.0
