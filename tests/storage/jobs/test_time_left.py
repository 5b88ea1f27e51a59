"""The bar and the time left cover all stages of a job, not only the counted one."""

from __future__ import annotations

from typing import Any

import pytest

from storage import db
from storage.jobs import events, jobs, time_left
from storage.models import Job, JobState, User

ESTIMATE = {
    "seconds": 200.0,
    "seconds_low": 100.0,
    "seconds_high": 400.0,
    "seconds_by_stage": {"preparing": 10.0, "training": 90.0, "evaluating": 98.0},
}


def job_of(user: User, kind: str = "train", **values: Any) -> Job:
    job = jobs.submit(user, name=f"{kind}-{len(jobs.of_user(user))}", kind=kind, spec={})
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        for name, value in values.items():
            setattr(row, name, value)
    return row


def training(user: User, **values: Any) -> Job:
    return job_of(user, **{"state": JobState.RUNNING, "attempt": 1, "estimate": ESTIMATE, "total_steps": 10, **values})


def scored(job: Job, done: float) -> None:
    with db.writing() as session:
        events.append(session, job.id, 1, "evaluated", model="nano", rows=1, of=2, done=done)


def test_the_end_of_the_training_is_not_the_end_of_the_job(studio: User) -> None:
    shares = [time_left.share_done(training(studio, stage="preparing"))]
    shares += [time_left.share_done(training(studio, stage="training", step=step)) for step in (0, 5, 10)]
    evaluated = training(studio, stage="evaluating", step=10)
    shares.append(time_left.share_done(evaluated))
    scored(evaluated, 0.5)
    shares.append(time_left.share_done(evaluated))
    shares.append(time_left.share_done(training(studio, stage="publishing", step=10)))
    assert shares == pytest.approx([0.0, 0.05, 0.275, 0.5, 0.5, 0.745, 0.99], abs=0.01)
    assert shares[-1] < 1.0
    assert time_left.share_done(training(studio, state=JobState.SUCCEEDED)) == 1.0


def test_an_evaluation_and_a_generation_have_bars_without_an_estimate(studio: User) -> None:
    evaluation = job_of(studio, "evaluate", state=JobState.RUNNING, attempt=1, stage="evaluating")
    assert time_left.share_done(evaluation) == pytest.approx(0.05)
    scored(evaluation, 0.5)
    assert 0.5 < time_left.share_done(evaluation) < 0.55
    answering = job_of(studio, "generate", state=JobState.RUNNING, stage="answering", step=3, total_steps=6)
    assert time_left.share_done(answering) == pytest.approx(0.52, abs=0.01)
    assert time_left.left(evaluation) is None, "nothing is known of its pace yet"


def test_the_time_left_is_a_range_that_includes_the_evaluation(studio: User) -> None:
    waiting = time_left.left(training(studio, state=JobState.QUEUED))
    assert waiting == (100.0, 400.0)
    low, high = time_left.left(training(studio, stage="preparing")) or (0, 0)
    assert (low, high) == pytest.approx((100, 400), rel=0.02)
    low, high = time_left.left(training(studio, stage="training", step=5, eta_s=143.0)) or (0, 0)
    assert 70 < low < 100 < 143 < high < 300
    late = time_left.left(training(studio, stage="evaluating", step=10, eta_s=50.0))
    assert late is not None
    assert late.low_s < 50 < late.high_s < 70, "the evaluation's own pace is known by now"
    assert time_left.left(training(studio, state=JobState.FAILED)) is None


def test_a_job_that_ended_early_keeps_its_place(studio: User) -> None:
    failed = training(studio, state=JobState.FAILED, stage=None, step=5)
    assert time_left.share_done(failed) == pytest.approx(0.275, abs=0.01)
    assert time_left.share_done(training(studio, state=JobState.CANCELLED, stage=None, step=0, total_steps=0)) == 0.0


def test_what_is_left_to_fetch_says_nothing_about_converting(studio: User) -> None:
    fetching = {"state": JobState.RUNNING, "attempt": 1, "step": 90, "total_steps": 93}
    assert time_left.left(job_of(studio, "download", stage="fetching", eta_s=3.0, **fetching)) is not None
    assert time_left.left(job_of(studio, "download", stage="converting", eta_s=0.0, **fetching)) is None


def test_a_download_is_mostly_fetching(studio: User) -> None:
    job = Job(
        owner_id=studio.id, idem_key="k", name="m", kind="download", spec={}, spec_sha256="", created_at=0.0,
        state=JobState.RUNNING, stage="fetching", step=46, total_steps=92,
    )  # fmt: skip
    assert time_left.shares(job)["fetching"] > 0.7
    assert 0.35 < time_left.share_done(job) < 0.45
    job.stage = "converting"
    assert 0.75 < time_left.share_done(job) < 0.8, "not done because all bytes are there"


def test_a_stage_that_the_objective_adds_counts_by_what_was_told(studio: User) -> None:
    estimate = {
        **ESTIMATE,
        "seconds_by_stage": {"preparing": 10.0, "reading the teacher": 90.0, "training": 50.0, "evaluating": 48.0},
    }
    job = training(studio, stage="reading the teacher", estimate=estimate)
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        row.spec = {"recipe": {"objective": "distill_logits"}}
        events.append(session, job.id, 1, "proceeded", done=0.5, words="reading")
    assert list(time_left.shares(row))[1] == "reading the teacher"
    assert time_left.share_done(row) == pytest.approx(0.275, abs=0.01)
    assert "reading the teacher" not in time_left.shares(training(studio))
    row.stage = "training"
    assert time_left.share_done(row) == pytest.approx(0.5, abs=0.01)
