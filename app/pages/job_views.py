"""What the Jobs page shows of a job, as HTML; everything comes from the database."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app import charts
from app.formats import ago, clock_time, count, duration, escaped, number, percent, size
from app.pages import layout, lineage, verdicts
from storage.job_inputs import Inputs
from storage.jobs import jobs, workspaces
from storage.models import TERMINAL, Artifact, Job, JobAttempt, JobEvent, JobMetric, JobState, Stage, User
from templates import registry

STATES = {
    JobState.QUEUED: "waiting",
    JobState.RUNNING: "running",
    JobState.SUCCEEDED: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
LOG_LINES = 200


def share_done(job: Job) -> float:
    """How much of the training is done, between 0 and 1."""
    if job.state == JobState.SUCCEEDED:
        return 1.0
    return min(1.0, job.step / job.total_steps) if job.total_steps else 0.0


def state_words(job: Job) -> str:
    """State, or the stage of a running job, or the place in the queue."""
    if job.state == JobState.QUEUED:
        place = jobs.position(job)
        return f"waiting, number {place} in the queue" if place else "waiting"
    if job.state == JobState.RUNNING:
        return "stopping" if job.cancel_at else str(job.stage or "starting")
    return STATES[JobState(job.state)]


def listing(found: Sequence[Job], used: Mapping[str, Inputs]) -> str:
    """The user's jobs as a table."""
    if not found:
        return layout.empty("Jobs will be listed here. Each trains or scores models on your data.", "train", "Train ›")
    rows = [
        [
            f'<a href="jobs?job={quote(job.id)}">{escaped(job.name)}</a> <code class="quiet">{job.id[:6]}</code>',
            f'<span class="state {job.state.lower()}">{escaped(state_words(job))}</span>',
            percent(share_done(job)) if job.total_steps else "–",
            f"≈ {duration(job.eta_s)}" if job.eta_s and job.state == JobState.RUNNING else "–",
            escaped(method_words(job)),
            escaped(lineage.models(used[job.id]) or "–"),
            escaped(lineage.data(used[job.id]) or "–"),
            escaped(ago(job.created_at)),
        ]
        for job in found
    ]
    head = ["Job", "State", "Progress", "Time left", "Method", "Base", "Data", "Submitted"]
    return layout.table(head, rows, "Your jobs", frozenset({2, 3}))


def method_words(job: Job) -> str:
    """How the job does it."""
    return registry.job_kind(job.kind).way(job.spec)


def head(job: Job, used: Inputs) -> str:
    """Name and what it is made of."""
    parts = [part for part in (lineage.models(used), method_words(job), lineage.data(used)) if part]
    line = " → ".join(escaped(part) for part in parts)
    return f"<h2>{escaped(job.name)}</h2><p class='quiet lineage'>{line} · job {job.id}</p>"


def stage_line(job: Job, history: Sequence[JobEvent]) -> str:
    """queued and the stages of its kind, with the time each began."""
    began: dict[str, float] = {}
    names = ["queued", *registry.job_kind(job.kind).stages]
    for event in history:
        if event.kind == "submitted":
            began["queued"] = event.at
        elif event.data.get("stage") in names:
            began[event.data["stage"]] = event.at  # the latest attempt's counts
    now = "queued" if job.state == JobState.QUEUED else job.stage
    items = ""
    for name in names:
        kind = "now" if name == now else "past" if name in began or job.state == JobState.SUCCEEDED else "ahead"
        at = f"<time>{clock_time(began[name])}</time>" if name in began else ""
        current = ' aria-current="step"' if name == now else ""
        items += f'<li class="{kind}"{current}>{escaped(name)}{at}</li>'
    ended = ""
    if job.state in TERMINAL and job.finished_at:
        word = STATES[JobState(job.state)]
        ended = f'<li class="end {job.state.lower()}">{word}<time>{clock_time(job.finished_at)}</time></li>'
    return f'<ol class="stages">{items}{ended}</ol>'


def progress(job: Job, points: Sequence[JobMetric], history: Sequence[JobEvent]) -> str:
    """The bar, the time left, and the latest measurements."""
    if job.state in TERMINAL:
        return ""
    done = share_done(job)
    unit = registry.job_kind(job.kind).counts
    words = [f"{unit} {count(job.step)} of {count(job.total_steps)}"] if job.total_steps else []
    if waiting := _waiting_words(job, history):
        words.append(waiting)
    if job.eta_s and job.state == JobState.RUNNING:
        words.append(f"≈ {duration(job.eta_s)} left")
    last = next((p for p in reversed(points) if p.split == "train"), None)
    if last and last.tokens_per_s:
        words.append(f"{count(last.tokens_per_s)} tokens/s")
    if last and last.memory_bytes:
        words.append(f"{size(last.memory_bytes)} of memory")
    if last and last.learning_rate is not None:
        words.append(f"learning rate {last.learning_rate:.2g}")
    bar = (
        f'<div class="progress" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * done:.0f}"><span style="width:{100 * done:.1f}%"></span></div>'
    )
    return f'{bar}<p class="figures"><b>{percent(done)}</b> · {" · ".join(escaped(word) for word in words)}</p>'


def _waiting_words(job: Job, history: Sequence[JobEvent]) -> str:
    scored = next((event.data for event in reversed(history) if event.kind == "evaluated"), None)
    if scored and job.stage == Stage.EVALUATING and scored["of"]:
        on = scored.get("on") or (f"the {job.spec['suite']} suite" if "suite" in job.spec else "the held-out rows")
        return f"scoring {scored['model']} on {on}: {percent(scored['rows'] / scored['of'])}"
    if job.state == JobState.QUEUED:
        return f"{state_words(job)}; a worker takes it as soon as one is free"
    return registry.job_kind(job.kind).waiting.get(job.stage or Stage.PREPARING, "")


def charts_of(job: Job, points: Sequence[JobMetric]) -> tuple[str, str]:
    """The loss chart and its table."""
    train = [(p.step, p.loss) for p in points if p.split == "train" and math.isfinite(p.loss)]
    held_out = [(p.step, p.loss) for p in points if p.split == "held_out" and math.isfinite(p.loss)]
    if not registry.job_kind(job.kind).trains or not (train or held_out):
        return "", ""
    return charts.loss_chart(train, held_out, job.total_steps), charts.loss_table(train, held_out)


def failure(job: Job) -> str:
    """Cause and remedy of a failed job."""
    if job.state != JobState.FAILED:
        return ""
    remedy = f"<p><b>What to do:</b> {escaped(job.remedy)}</p>" if job.remedy else ""
    cause = f"<p>{escaped(job.error or '')}</p>"
    return f'<section class="card failed" role="alert"><h3>It failed.</h3>{cause}{remedy}</section>'


def verdict(job: Job, base: str, artifact: Artifact | None) -> str:
    """The verdict of a training job with the ways onward."""
    ways = ""
    if artifact is not None:
        models = quote(f"{base},{artifact.name}", safe=",")
        ways = (
            f'<p class="ways"><a class="button primary" href="compare?models={models}">Compare side by side</a>'
            f' <a class="button" href="api/v1/artifacts/{quote(artifact.id)}/download" download>Download</a>'
            f' <a class="button" href="gallery?artifact={quote(artifact.name)}">In the gallery</a></p>'
        )
    return f'<section class="card verdict">{verdicts.block(job.result or {})}{estimate_line(job)}{ways}</section>'


def scores(result: dict[str, Any]) -> str:
    """An evaluation's comparisons, or the scores of a model alone."""
    parts = [
        f"<h3>{escaped(found['model'])} <span class='quiet'>against {escaped(found['against'])}</span></h3>"
        + verdicts.block(found)
        for found in result.get("comparisons", [])
    ]
    if not parts:
        rows = [
            [escaped(model.get("name", "")), *(escaped(_score(value)) for value in model.get("metrics", {}).values())]
            for model in result.get("models", [])
        ]
        names = list((result.get("models") or [{}])[0].get("metrics", {}))
        parts = [layout.table(["Model", *map(escaped, names)], rows, "Scores")]
    return f'<section class="card verdict">{"".join(parts)}</section>'


def _score(value: Any) -> str:
    if isinstance(value, dict) and "value" in value:
        return f"{number(value['value'])} [{number(value['low'])}, {number(value['high'])}]"
    return str(value)


def estimate_line(job: Job) -> str:
    """What was foreseen beside what it took."""
    if not job.estimate or not job.started_at or not job.finished_at:
        return ""
    words = [
        f"Time: estimated ≈ {duration(job.estimate['seconds'])}, took {duration(job.finished_at - job.started_at)}"
    ]
    peak = (job.actual or {}).get("peak_memory_bytes")
    if peak:
        words.append(f"memory: estimated ≈ {size(job.estimate['memory_bytes'])}, took {size(peak)}")
    return f'<p class="quiet estimate">{escaped("; ".join(words))}</p>'


def attempts_words(found: Sequence[JobAttempt], history: Sequence[JobEvent]) -> str:
    """Interruptions and remarks of the run, in words."""
    items = [
        f"{clock_time(event.at)} attempt {event.attempt} ended: {event.data.get('why', 'unknown')}; queued again"
        for event in history
        if event.kind == "requeued"
    ]
    items += [
        f"attempt {a.attempt} went on from step {count(a.start_step)}" for a in found if a.attempt > 1 and a.start_step
    ]
    items += [
        f"the name “{event.data['wanted']}” was taken; the result is called “{event.data['name']}”"
        for event in history
        if event.kind == "renamed"
    ]
    if not items:
        return ""
    return f'<ul class="remarks">{"".join(f"<li>{escaped(item)}</li>" for item in items)}</ul>'


def log(job: Job) -> str:
    """The latest attempt's log tail."""
    text = workspaces.log_tail(job.id, job.attempt, LOG_LINES) if job.attempt else ""
    return f'<pre class="log" tabindex="0">{escaped(text or "Nothing was logged yet.")}</pre>'


def in_brief(user: User) -> str:
    """For the Start page: what runs, what waits, and how the last one ended."""
    found = jobs.of_user(user)
    lines = []
    for job in [j for j in found if j.state not in TERMINAL][:3]:
        left = f", ≈ {duration(job.eta_s)} left" if job.eta_s else ""
        lines.append(
            f'<a href="jobs?job={quote(job.id)}">{escaped(job.name)}: {escaped(state_words(job))}, '
            f"{percent(share_done(job))}{escaped(left)} ›</a>"
        )
    ended = next((j for j in found if j.state in TERMINAL), None)
    if ended is not None:
        words = f"{ended.name}: {(ended.result or {}).get('sentence') or state_words(ended)}"
        ago_words = ago(ended.finished_at or time.time())
        lines.append(
            f'<a href="jobs?job={quote(ended.id)}">{escaped(words)} ›</a> <span class="quiet">{ago_words}</span>'
        )
    return "".join(f"<li>{line}</li>" for line in lines)
