"""Jobs: the queue, and one job live. Polled from the database: a reload or a second tab shows the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr

from app.markup import html
from app.pages import (
    answers_review,
    contrast,
    job_charts,
    job_list,
    job_outcome,
    job_progress,
    job_settings,
    layout,
    learned_answers,
    outcomes,
    published,
    remedies,
    rewarded_answers,
    strength_panel,
    verdicts,
)
from app.pages.alerts import CLEAR, FOCUS_JS, done, guarded
from app.pages.unchanged import only_changed
from app.pages.who import acting, asked
from storage import job_inputs
from storage.jobs import events, jobs
from storage.models import TERMINAL, User
from templates import registry

LEAD = "Jobs that wait, jobs that run, and their results."
POLL_S = 1.5
DISCARD_JS = "(subject) => [confirm('Cancel this job?\\n\\nWhat it has done so far is thrown away.') ? subject : '']"
N_LIVE = 14
"""Outputs of `live`, the alert among them."""


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/jobs`, with `?job=ID` for one of them.

    Layout and wiring stand in one piece, to be read from top to bottom.
    """
    subject, following = gr.Textbox(visible=False), layout.address()
    gr.HTML(html("jobs/compare_runs"))
    with gr.Column(visible=False) as detail:
        head = gr.HTML(elem_id="job-head")
        outcome = gr.HTML(elem_id="outcome")
        weaker = strength_panel.draw()
        stages = gr.HTML()
        progress = gr.HTML(elem_id="progress")
        remarks = gr.HTML()
        chart = gr.HTML(elem_id="chart")
        rewarded = gr.HTML(elem_id="rewarded")
        with gr.Row(elem_classes="ways"):
            keep = gr.Button("Stop and keep what it learned", size="sm", visible=False, elem_id="cancel-keep")
            discard = gr.Button("Cancel and discard", size="sm", variant="stop", visible=False, elem_id="cancel")
            retry = gr.Button("Run it again", size="sm", visible=False, elem_id="retry")
            keep_answers = learned_answers.draw()
            without_teacher = contrast.draw()
            repair, reduce = remedies.draw()
            onward = gr.HTML(elem_id="onward")
        beside = gr.HTML(elem_id="contrast")
        remedied = remedies.Remedies(repair, reduce, gr.HTML(elem_id="remedies"))
        with gr.Accordion("Answers that changed", open=True, visible=False) as answers_fold:
            change = gr.Radio([("All", "all")], value="all", label="Answers", show_label=False, container=False)
            answers = gr.HTML(elem_id="answers")
        review = answers_review.draw()
        with gr.Accordion("The chart’s numbers", open=False, visible=False) as numbers_fold:
            numbers = gr.HTML()
        with gr.Accordion("Settings", open=False):
            settings = gr.HTML(elem_id="job-settings")
        with gr.Accordion("Log", open=False):
            log = gr.HTML(elem_id="log", max_height=360, autoscroll=True)
    job_list.draw(demo, alert)
    seen, timer = gr.Textbox(visible=False), gr.Timer(POLL_S, active=False)

    shown = [alert, head, outcome, stages, progress, remarks, chart, rewarded, numbers_fold, numbers, log]
    shown += [keep, discard, retry]
    assert len(shown) == N_LIVE
    answered = [alert, answers_fold, change, answers]
    opened = demo.load(guarded(6)(open_page), None, [alert, subject, detail, timer, onward, settings])
    first = opened.success(guarded(N_LIVE)(live), subject, shown, show_progress="hidden")
    first.success(guarded(4)(open_answers), subject, answered, show_progress="hidden")
    timer.tick(poll, [subject, seen], [seen, *shown], queue=False, show_progress="hidden")
    outcome.change(guarded(4)(open_answers), subject, answered, show_progress="hidden")
    strength_panel.let_use([first.success, outcome.change], weaker, alert, subject, strength_panel.of_job)
    answers_review.let_review([first.success, outcome.change], review, alert, subject, following)
    learned_answers.let_keep([first.success, outcome.change], keep_answers, alert, subject, following)
    contrast.let_run([first.success, outcome.change], (without_teacher, beside), alert, subject, following)
    remedies.let_run([first.success, outcome.change], remedied, alert, subject, following)
    change.input(guarded(2)(filter_answers), [subject, change], [alert, answers], show_progress="hidden")
    for button, keeps, asks in ((keep, True, None), (discard, False, DISCARD_JS)):
        stopped = button.click(_stopper(keeps), subject, alert, show_progress="hidden", js=asks)
        stopped.then(None, None, None, js=FOCUS_JS)
    retried = retry.click(guarded(2)(run_again), subject, [alert, following])
    retried.then(None, following, None, js=layout.GO_JS)


def open_page(request: gr.Request) -> tuple[str, str, Any, Any, str, str]:
    """The job that the page's address names, with what never changes about it; an ended one needs no ticks."""
    job_id = asked(request, "job")
    if not job_id:
        return CLEAR, "", gr.update(visible=False), gr.update(active=False), "", ""
    job = jobs.get(acting(request), job_id)
    ticks = gr.update(active=job.state not in TERMINAL)
    return CLEAR, job_id, gr.update(visible=True), ticks, job_settings.ways(job), job_settings.block(job)


def poll(request: gr.Request, subject: str, seen: str) -> list[Any]:
    """What has changed; keeps the alert, which must not vanish with the next tick."""
    return only_changed(seen, [gr.skip(), *guarded(N_LIVE)(live)(request, subject)[1:]])


def live(request: gr.Request, subject: str) -> list[Any]:
    """Everything that the page shows about the job."""
    user = acting(request)
    if not subject:
        return [gr.skip()] * N_LIVE
    job = jobs.get(user, subject)
    history, points = events.of_job(job.id), events.metrics(job.id)
    chart, numbers = job_charts.of(job, points)
    over = job.state in TERMINAL
    trains = registry.job_kind(job.kind).trains
    return [
        gr.skip(),
        job_progress.head(job, job_inputs.of_job(job.id)),
        job_outcome.failure(job) + outcomes.block(user, job),
        job_progress.stage_line(job, history),
        job_progress.progress(job, points, history),
        job_progress.attempts(job, jobs.attempts(user, job.id), history),
        chart,
        rewarded_answers.block(history),
        gr.update(visible=bool(numbers)),
        numbers,
        job_progress.log(job),
        gr.update(visible=not over and trains and bool(job.step) and job.cancel_at is None),
        gr.update(visible=not over and job.cancel_at is None),
        gr.update(visible=over),
    ]


def open_answers(request: gr.Request, subject: str) -> list[Any]:
    """The answers of a finished training job; nothing to show for others."""
    found = _answers(acting(request), subject) if subject else []
    if not found:
        return [gr.skip(), gr.update(visible=False), gr.skip(), ""]
    choices = verdicts.change_choices(found)
    first = next((key for _, key in choices if key in ("better", "changed", "worse")), "all")
    filters = gr.update(choices=choices, value=first)
    return [
        gr.skip(),
        gr.update(visible=True),
        filters,
        verdicts.answers_table(found, first, _parent(request, subject)),
    ]


def filter_answers(request: gr.Request, subject: str, change: str) -> tuple[Any, str]:
    """Only the answers with this kind of change."""
    return gr.skip(), verdicts.answers_table(_answers(acting(request), subject), change, _parent(request, subject))


def _parent(request: gr.Request, subject: str) -> str:
    """The result that the training went on from; empty for a base model."""
    return str((jobs.get(acting(request), subject).result or {}).get("parent") or "")


def _answers(user: User, subject: str) -> list[dict[str, Any]]:
    artifact = published.result_of(user, jobs.get(user, subject))
    return verdicts.answers(artifact) if artifact else []


def _stopper(keeps: bool) -> Any:
    @guarded(1)
    def stop(request: gr.Request, subject: str) -> Any:
        if not subject:
            return gr.skip()
        jobs.cancel(acting(request), subject, keep=keeps)
        return done(
            "You stopped this training; it keeps what it learned until then."
            if keeps
            else "You cancelled this job; nothing of it is kept."
        )

    return stop


def run_again(request: gr.Request, subject: str) -> tuple[str, str]:
    """Submit the same job again."""
    job = jobs.retry(acting(request), subject)
    return CLEAR, f"jobs?job={quote(job.id)}"
