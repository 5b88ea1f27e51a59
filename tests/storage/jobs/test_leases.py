"""The state machine of a job: fenced, final, counted — by hand, in races, and by random walks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from held_jobs import claimed, let_run_out, submit
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import col, delete, select

from storage import db, users
from storage.jobs import events, jobs, leases, recovery, worker_rows
from storage.models import TERMINAL, Artifact, Job, JobAttempt, JobEvent, JobInput, JobMetric, JobState, User, Worker
from templates.errors import Conflict


def test_the_longest_waiting_job_is_claimed_first(studio: User, worker: Worker) -> None:
    made = [submit(studio, name) for name in "abc"]
    assert leases.waiting()
    assert claimed(worker).job.id == made[0].id
    named = leases.claim(worker, made[2].id)
    assert named
    assert named.job.id == made[2].id
    assert leases.claim(worker, made[2].id) is None
    assert claimed(worker).job.id == made[1].id
    assert leases.claim(worker) is None
    assert not leases.waiting()


def test_many_claims_at_once_win_each_job_once(studio: User, worker: Worker) -> None:
    made = {submit(studio, str(n)).id for n in range(20)}
    with ThreadPoolExecutor(8) as racers:
        won = [lease.job.id for lease in racers.map(lambda _: leases.claim(worker), range(60)) if lease]
    assert sorted(won) == sorted(made)


def test_progress_goes_out_with_the_heartbeat(studio: User, worker: Worker) -> None:
    submit(studio)
    lease = claimed(worker)
    point = JobMetric(
        job_id="", split="train", step=3, attempt=0, values={"loss": 0.5, "rewards/margins": -1.5}, at=0.0
    )
    leases.renew(
        lease, metrics=[point], happened=[("note", {"a": 1})], start_step=2, stage="training", step=3, eta_s=9.0
    )
    job = jobs.get(studio, lease.job.id)
    assert (job.stage, job.step, job.eta_s, job.progress_seq) == ("training", 3, 9.0, 0)
    assert jobs.attempts(studio, job.id)[0].start_step == 2
    assert [(p.step, p.values, p.attempt) for p in events.metrics(job.id)] == [
        (3, {"loss": 0.5, "rewards/margins": -1.5}, 1)
    ]
    assert events.of_job(job.id, "note")[0].data == {"a": 1}


def test_a_step_trained_again_replaces_its_point(studio: User, worker: Worker) -> None:
    submit(studio)
    lease = claimed(worker)
    for loss in (0.5, 0.4):
        leases.renew(
            lease, metrics=[JobMetric(job_id="", split="train", step=3, attempt=0, values={"loss": loss}, at=0.0)]
        )
    assert [point.loss for point in events.metrics(lease.job.id)] == [0.4]


def test_a_lost_lease_changes_nothing(studio: User, worker: Worker) -> None:
    submit(studio)
    old = claimed(worker)
    let_run_out(old.job.id)
    recovery.expire()
    new = claimed(worker)
    before = jobs.get(studio, old.job.id)
    for act in (
        lambda: leases.renew(old, step=99),
        lambda: leases.wish(old),
        lambda: leases.succeed(old, result={}, actual={}),
        lambda: leases.fail(old, "x", "x"),
        lambda: leases.cancelled(old),
        lambda: leases.give_back(old, "x"),
        lambda: leases.crashed(old, "x", "x", "x"),
    ):
        with pytest.raises(leases.LeaseLost):
            act()
    assert jobs.get(studio, old.job.id) == before
    leases.succeed(new, result={}, actual={})


def test_a_second_crash_without_progress_fails(studio: User, worker: Worker) -> None:
    job = submit(studio)
    assert leases.crashed(claimed(worker), "killed", "It died.", "Less.") == JobState.QUEUED
    assert leases.crashed(claimed(worker), "killed", "It died.", "Less.") == JobState.FAILED
    ended = jobs.get(studio, job.id)
    assert (ended.error_code, ended.error, ended.remedy) == ("killed", "It died.", "Less.")


def test_a_lost_worker_is_no_crash(studio: User, worker: Worker) -> None:
    job = submit(studio)
    claimed(worker)
    assert recovery.expire(dead_workers=[worker.id]) == [(job.id, JobState.QUEUED)]
    assert leases.crashed(claimed(worker), "killed", "It died.", "Less.") == JobState.QUEUED
    assert leases.crashed(claimed(worker), "killed", "It died.", "Less.") == JobState.FAILED


def artifact_of(lease: leases.Lease) -> Artifact:
    return Artifact(
        owner_id=lease.job.owner_id, name=lease.job.name, job_id=lease.job.id, attempt=lease.attempt, kind="adapter",
        facts={"recipe": {}, "weights_sha256": "w", "verdict": {}},
        location=f"artifacts/{lease.job.id}/{lease.attempt}", manifest_sha256="m", size_bytes=1,
        duration_s=0.0, created_at=0.0,
    )  # fmt: skip


def test_a_name_taken_meanwhile_gets_a_number(studio: User, worker: Worker) -> None:
    for _ in range(2):
        submit(studio, "tone")
        lease = claimed(worker)
        leases.succeed(lease, made=artifact_of(lease), result={}, actual={})
    with db.reading() as session:
        assert sorted(session.exec(select(Artifact.name))) == ["tone", "tone-2"]
    assert events.of_job(lease.job.id, "renamed")[0].data == {"wanted": "tone", "name": "tone-2"}


class Walk(RuleBasedStateMachine):
    """Any order of what people, workers and sweepers may do, lost leases included."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.user = users.local()
        self.worker = worker_rows.register(device="cpu", slots=1)
        self.seen: dict[str, tuple[str, int, Any]] = {}
        self.mine: set[str] = set()

    def teardown(self) -> None:
        """The next walk finds an empty queue, or it would not be the same when it is repeated."""
        with db.writing() as session:
            for table in (JobAttempt, JobEvent, JobInput, Artifact, Job):
                session.exec(delete(table))

    @rule()
    def submit(self) -> None:
        self.mine.add(submit(self.user).id)

    @rule(target=held)
    def claim(self) -> Any:
        lease = leases.claim(self.worker)
        return lease if lease else multiple()

    @rule(lease=held, advanced=st.booleans())
    def renew(self, lease: leases.Lease, advanced: bool) -> None:
        self._try(lambda: leases.renew(lease, advanced=advanced, checkpoint_step=1))

    @rule(lease=consumes(held))
    def succeed(self, lease: leases.Lease) -> None:
        self._try(lambda: leases.succeed(lease, made=artifact_of(lease), result={}, actual={}))

    @rule(lease=held, end=st.sampled_from(["fail", "crashed", "cancelled", "give_back"]))
    def end_badly(self, lease: leases.Lease, end: str) -> None:
        words = {"fail": ("x", "x"), "crashed": ("x", "x", "x"), "cancelled": (), "give_back": ("x",)}[end]
        self._try(lambda: getattr(leases, end)(lease, *words))

    @rule(keep=st.booleans(), pick=st.integers(0, 50))
    def cancel(self, keep: bool, pick: int) -> None:
        if not self.mine:
            return
        job = jobs.get(self.user, sorted(self.mine)[pick % len(self.mine)])
        try:
            jobs.cancel(self.user, job.id, keep=keep)
        except Conflict:
            assert job.state in TERMINAL

    @rule(lease=held)
    def time_passes(self, lease: leases.Lease) -> None:
        let_run_out(lease.job.id)
        recovery.expire()

    @staticmethod
    def _try(act: Any) -> None:
        try:
            act()
        except leases.LeaseLost:
            pass  # an old lease: the invariants say that it changed nothing it must not

    @invariant()
    def ends_are_final_and_counted(self) -> None:
        with db.reading() as session:
            found = {job.id: job for job in session.exec(select(Job).where(col(Job.id).in_(self.mine)))}
            published = list(session.exec(select(Artifact.job_id).where(col(Artifact.job_id).in_(self.mine))))
        assert len(found) == len(self.mine)
        assert len(published) == len(set(published))
        for job_id, job in found.items():
            state, attempt, artifact = self.seen.get(job_id, ("QUEUED", 0, None))
            if state in TERMINAL:
                assert (job.state, job.attempt, job.artifact_id) == (state, attempt, artifact)
            assert job.attempt >= attempt
            assert (job.state == JobState.RUNNING) == (job.lease_owner is not None)
            assert (job.state in TERMINAL) == (job.finished_at is not None)
            assert (job.state == JobState.SUCCEEDED) == (job_id in published) == (job.artifact_id is not None)
            self.seen[job_id] = (job.state, job.attempt, job.artifact_id)


def test_random_walks(studio: User) -> None:
    how = settings(
        max_examples=15, stateful_step_count=30, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    run_state_machine_as_test(Walk, settings=how)
