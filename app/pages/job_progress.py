"""A running job, read from the database: stages, progress, curve, interruptions and log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.formats import clock_time, count, minutes_range, percent
from app.markup import html
from app.pages import job_words, lineage
from storage.gallery import chains
from storage.job_inputs import Inputs
from storage.jobs import time_left, workspaces
from storage.models import TERMINAL, Job, JobAttempt, JobEvent, JobMetric, JobState, Stage
from templates import registry
from templates.quantities import size

LOG_LINES = 200


def head(job: Job, used: Inputs) -> Markup:
    """The job's name and inputs."""
    below = chains.below_jobs({job.id: used}).get(job.id)
    models = [*lineage.chain(below), *lineage.beside_chain(used)] if below else [lineage.models(used)]
    parts = (*models, job_words.method(job), lineage.data(used))
    return html("jobs/head", job=job, lineage=[part for part in parts if part])


@dataclass(frozen=True)
class _StageShown:
    """One stage, whether it is past, now or ahead, and when it began."""

    name: str
    kind: str
    at: float | None


def stage_line(job: Job, history: Sequence[JobEvent]) -> Markup:
    """queued and the stages of its kind, with their start times."""
    began: dict[str, float] = {}
    names = ["queued", *registry.job_kind(job.kind).stages_of(job.spec)]
    for event in history:
        if event.kind == "submitted":
            began["queued"] = event.at
        elif event.data.get("stage") in names:
            began[event.data["stage"]] = event.at  # the latest attempt's counts
    now = "queued" if job.state == JobState.QUEUED else job.stage
    stages = []
    for name in names:
        kind = "now" if name == now else "past" if name in began or job.state == JobState.SUCCEEDED else "ahead"
        stages.append(_StageShown(str(name), kind, began.get(name)))
    ended = job.state in TERMINAL and job.finished_at
    return html("jobs/stages", job=job, stages=stages, end=job_words.ended(job) if ended else "")


def progress(job: Job, points: Sequence[JobMetric], history: Sequence[JobEvent]) -> Markup:
    """The bar, the time left, and the latest measurements."""
    if job.state in TERMINAL:
        return Markup("")
    words = [registry.job_kind(job.kind).counted(job.step, job.total_steps)] if job.total_steps else []
    if waiting := _waiting_words(job, history):
        words.append(waiting)
    if left := job_words.left(job):
        words.append(f"{left} left")
    last = next((p for p in reversed(points) if p.split == "train"), None)
    latest = last.values if last else {}
    if latest.get("tokens_per_s"):
        words.append(f"{count(latest['tokens_per_s'])} tokens/s")
    if latest.get("memory_bytes"):
        words.append(f"{size(latest['memory_bytes'])} of memory")
    if "learning_rate" in latest:
        words.append(f"learning rate {latest['learning_rate']:.2g}")
    return html("jobs/progress", done=job_words.share_done(job), words=words)


def _waiting_words(job: Job, history: Sequence[JobEvent]) -> str:
    scored = next((event.data for event in reversed(history) if event.kind == "evaluated"), None)
    if scored and job.stage == Stage.EVALUATING and scored["of"]:
        on = scored.get("on") or (f"the {job.spec['suite']} suite" if "suite" in job.spec else "the held-out rows")
        return f"scoring {scored['model']} on {on}: {percent(scored['rows'] / scored['of'])}"
    if asked := _asked_in_stage(history):
        return "; ".join(filter(None, (asked["usage"], asked["trouble"])))
    if job.state == JobState.QUEUED:
        takes = time_left.left(job)
        how_long = f"; it takes {minutes_range(takes.low_s / 60, takes.high_s / 60)}" if takes else ""
        return f"{job_words.state(job)}; the next free worker takes it{how_long}"
    kind = registry.job_kind(job.kind)
    told = next((event.data for event in reversed(history) if event.kind == "proceeded"), None)
    if told and job.stage in kind.between(job.spec):
        return f"{told['words']}: {percent(told['done'])}"
    return kind.waiting.get(job.stage or Stage.PREPARING, "")


def _asked_in_stage(history: Sequence[JobEvent]) -> dict[str, Any] | None:
    """What a service last said in the present stage."""
    last = next((event for event in reversed(history) if event.kind in ("asked", "stage")), None)
    return last.data if last and last.kind == "asked" else None


def attempts(job: Job, found: Sequence[JobAttempt], history: Sequence[JobEvent]) -> Markup:
    """Interruptions and remarks of the run, in words."""
    items = [
        f"{clock_time(event.at)} attempt {event.attempt} ended: {event.data.get('why', 'unknown')}; queued again"
        for event in history
        if event.kind == "requeued"
    ]
    items += [
        f"attempt {a.attempt} went on from {registry.job_kind(job.kind).counted(a.start_step)}"
        for a in found
        if a.attempt > 1 and a.start_step
    ]
    items += [
        f"the name “{event.data['wanted']}” was taken; the result is called “{event.data['name']}”"
        for event in history
        if event.kind == "renamed"
    ]
    return html("jobs/remarks", items=items)


def log(job: Job) -> Markup:
    """The latest attempt's log tail."""
    text = workspaces.log_tail(job.id, job.attempt, LOG_LINES) if job.attempt else ""
    return html("jobs/log", text=text or "Nothing was logged yet.")
