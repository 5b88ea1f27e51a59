"""Taking jobs back from workers that are gone: once, counted, and never from a live one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from held_jobs import claimed, let_run_out, submit

from storage.jobs import events, jobs, leases, recovery
from storage.models import JobState, User, Worker


def lose(worker: Worker, *, advanced: bool = False) -> str:
    """One attempt whose worker stops answering; the state it leads to."""
    lease = claimed(worker)
    if advanced:
        leases.renew(lease, advanced=True)
    let_run_out(lease.job.id)
    ((_, state),) = recovery.expire()
    return state


def test_a_renewed_lease_does_not_expire(studio: User, worker: Worker) -> None:
    submit(studio)
    lease = claimed(worker)
    let_run_out(lease.job.id)
    leases.renew(lease)
    assert recovery.expire() == []


def test_jobs_of_a_dead_worker_are_taken_back_at_once(studio: User, worker: Worker) -> None:
    submit(studio)
    lease = claimed(worker)
    assert recovery.expire(dead_workers=["another"]) == []
    assert recovery.expire(dead_workers=[worker.id]) == [(lease.job.id, JobState.QUEUED)]


def test_two_sweepers_requeue_once(studio: User, worker: Worker) -> None:
    submit(studio)
    lease = claimed(worker)
    let_run_out(lease.job.id)
    with ThreadPoolExecutor(4) as sweepers:
        swept = [job for found in sweepers.map(lambda _: recovery.expire(), range(8)) for job in found]
    assert swept == [(lease.job.id, JobState.QUEUED)]
    assert len(events.of_job(lease.job.id, "requeued")) == 1


def test_three_lost_workers_without_progress_end_the_job(studio: User, worker: Worker) -> None:
    job = submit(studio)
    assert [lose(worker) for _ in range(3)] == ["QUEUED", "QUEUED", "FAILED"]
    ended = jobs.get(studio, job.id)
    assert ended.error_code == "crash_loop"
    assert "3 times" in (ended.error or "")


def test_progress_forgives_earlier_losses(studio: User, worker: Worker) -> None:
    submit(studio)
    assert [lose(worker, advanced=n % 2 == 1) for n in range(6)] == ["QUEUED"] * 6


def test_what_was_to_be_discarded_is_not_run_again(studio: User, worker: Worker) -> None:
    discarded = submit(studio, "a")
    claimed(worker)
    jobs.cancel(studio, discarded.id)
    let_run_out(discarded.id)
    assert recovery.expire() == [(discarded.id, JobState.CANCELLED)]


def test_what_was_to_be_kept_is_run_again(studio: User, worker: Worker) -> None:
    kept = submit(studio, "a")
    claimed(worker)
    jobs.cancel(studio, kept.id, keep=True)
    let_run_out(kept.id)
    assert recovery.expire() == [(kept.id, JobState.QUEUED)]


def test_waiting_jobs_are_rung_again_once_a_while(studio: User, worker: Worker) -> None:
    job = submit(studio)
    assert recovery.unrung(60) == []
    assert recovery.unrung(-1) == [job.id]
    claimed(worker)
    assert recovery.unrung(-1) == []
