"""How far a job is and how long it still takes, over all of its stages.

A stage counts with the share of the time that the estimate expects it to take, so that the bar of a training
does not stand at 100 % while base and result still answer the held-out rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlmodel import col, select

from storage import db
from storage.models import Job, JobEvent, JobState, Stage
from templates import registry

WITHOUT_ESTIMATE: Mapping[str, float] = {Stage.PREPARING: 0.05, Stage.PUBLISHING: 0.01}
"""Expected shares of the time where there is no estimate; the other stages divide the rest evenly."""
UNCOUNTED = (Stage.PREPARING, Stage.PUBLISHING)
"""Stages whose progress nothing reports."""
MEASURED = (0.9, 1.15)
"""The range around time that is left in a stage at its measured pace."""
SCORED = (0.8, 1.3)
"""The same in the evaluation, whose parts take different time."""
EXPECTED = (0.6, 1.7)
"""The range around an expected time: of an estimate without its own range, or of a later stage at a known pace."""


class Range(NamedTuple):
    """A time in seconds, from the shortest to the longest that is likely."""

    low_s: float
    high_s: float


def shares(job: Job) -> dict[str, float]:
    """The expected share of the time of each of the job's stages, in their order; they sum to 1."""
    stages, usual = registry.job_kind(job.kind).stages_of(job.spec), _without_estimate(job)
    known: Mapping[str, float] = (job.estimate or {}).get("seconds_by_stage") or {}
    total = sum(known.get(stage, 0.0) for stage in stages)
    if total > 0:
        left_out = {stage: usual.get(stage, 0.0) * total for stage in stages}
        seconds = {stage: known.get(stage, left_out[stage]) for stage in stages}
    else:
        rest = 1 - sum(usual.get(stage, 0.0) for stage in stages)
        n_rest = sum(stage not in usual for stage in stages)
        seconds = {stage: usual.get(stage, rest / max(n_rest, 1)) for stage in stages}
    return {stage: taken / sum(seconds.values()) for stage, taken in seconds.items()}


def _without_estimate(job: Job) -> Mapping[str, float]:
    """The expected shares of the stages whose progress nothing counts."""
    return {**WITHOUT_ESTIMATE, **registry.job_kind(job.kind).shares}


def share_done(job: Job) -> float:
    """How much of the job's time has passed, between 0 and 1; of a job that ended early, where it ended."""
    if job.state == JobState.SUCCEEDED:
        return 1.0
    if job.state == JobState.QUEUED and not job.step:
        return 0.0
    expected, stage = shares(job), _stage(job)
    before = sum(share for name, share in _until(expected, stage).items())
    return min(1.0, before + expected[stage] * _within(job, stage))


def left(job: Job) -> Range | None:
    """How long a running job still takes; None if nothing is known yet. For a waiting job, its whole time."""
    estimate = job.estimate or {}
    spread = _spread(estimate)
    if job.state == JobState.QUEUED:
        return Range(estimate["seconds_low"], estimate["seconds_high"]) if "seconds_low" in estimate else None
    if job.state != JobState.RUNNING:
        return None
    expected, stage = shares(job), _stage(job)
    rest = expected[stage] * (1 - _within(job, stage))
    later = sum(expected.values()) - sum(_until(expected, stage).values()) - expected[stage]
    if job.eta_s is None or stage in registry.job_kind(job.kind).shares:  # an earlier stage's time says nothing
        whole = estimate.get("seconds")
        return Range(*(whole * (rest + later) * factor for factor in spread)) if whole else None
    measured = SCORED if stage == Stage.EVALUATING else MEASURED
    known = rest / (rest + later) if rest + later > 0 else 1.0
    guessed = max(spread[0], EXPECTED[0]), min(spread[1], EXPECTED[1])  # this machine's pace is known by now
    factors = (known * at_pace + (1 - known) * guess for at_pace, guess in zip(measured, guessed, strict=True))
    return Range(*(job.eta_s * factor for factor in factors))


def _stage(job: Job) -> str:
    """The stage that the job is in, or was in when it ended."""
    kind = registry.job_kind(job.kind)
    stages = kind.stages_of(job.spec)
    if job.stage in stages:
        return str(job.stage)
    if not job.step:
        return stages[0]
    uncounted = (*UNCOUNTED, *kind.shares, *kind.between(job.spec), Stage.EVALUATING)
    return next((stage for stage in stages if stage not in uncounted), stages[0])


def _until(expected: Mapping[str, float], stage: str) -> dict[str, float]:
    names = list(expected)
    return {name: expected[name] for name in names[: names.index(stage)]}


def _within(job: Job, stage: str) -> float:
    """How much of the stage is done."""
    if stage in UNCOUNTED or stage in registry.job_kind(job.kind).shares:
        return 0.0
    if stage == Stage.EVALUATING:
        return _told(job, "evaluated")
    if stage in registry.job_kind(job.kind).between(job.spec):
        return _told(job, "proceeded")
    return min(1.0, job.step / job.total_steps) if job.total_steps else 0.0


def _told(job: Job, kind: str) -> float:
    """The share of the stage that the running attempt has last reported in an event of this kind."""
    query = select(JobEvent).where(JobEvent.job_id == job.id, JobEvent.attempt == job.attempt)
    with db.reading() as session:
        last = session.exec(query.where(JobEvent.kind == kind).order_by(col(JobEvent.id).desc()).limit(1)).first()
    return min(1.0, float(last.data.get("done", 0.0))) if last else 0.0


def _spread(estimate: Mapping[str, Any]) -> tuple[float, float]:
    """The factors of the estimate's range."""
    if not estimate.get("seconds") or "seconds_low" not in estimate:
        return EXPECTED
    return estimate["seconds_low"] / estimate["seconds"], estimate["seconds_high"] / estimate["seconds"]
