"""The list of jobs on the Jobs page, with its filters and pages; and the jobs in brief."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from app import job_states
from app.markup import html
from app.pages import job_words, layout, lineage, pager, queue_views, verdicts
from app.pages.alerts import guarded
from app.pages.unchanged import only_changed
from app.pages.who import acting, asked
from storage import job_inputs
from storage.jobs import job_lists
from storage.jobs.job_lists import Wanted
from storage.listing import Page
from storage.models import Job, JobState, User

N_IN_BRIEF = 3
N_SHOWN = 25
POLL_S = 3.0
N_LIVE = 6
"""Outputs of a tick, the marks among them."""
STATES = [("any", ""), *((word, state.value) for state, word in job_states.STATES.items())]
KEEP_JS = """(state, name, data) => {
  const url = new URL(window.location);
  for (const [key, value] of Object.entries({state, name, data}))
    value ? url.searchParams.set(key, value) : url.searchParams.delete(key);
  window.history.replaceState(window.history.state, "", url);
}"""
"""Keeps the filters in the page's address, so that a reload shows the same."""


@dataclass(frozen=True)
class Line:
    """A job's line of the table."""

    job: Job
    state: str
    done: float
    verdict: str
    outcome: str
    method: str
    models: str
    data: str


def draw(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The workers and the queue, and a page of the jobs that pass the filters."""
    queue = gr.HTML(elem_id="queue")
    gr.HTML(layout.section("All jobs"))
    with gr.Row(elem_classes="filters"):
        state = gr.Dropdown(STATES, value="", label="State", min_width=130, elem_id="jobs-state")
        name = gr.Textbox(label="Name contains", max_length=200, min_width=130, elem_id="jobs-name")
        data = gr.Textbox(label="Data contains", max_length=200, min_width=130, elem_id="jobs-data")
    listing = gr.HTML(elem_id="jobs")
    turns, seen = pager.draw("jobs"), gr.Textbox(visible=False)
    timer = gr.Timer(POLL_S)

    wanted: list[Any] = [state, name, data]
    trail, shown = turns.trail, [seen, queue, listing, turns.newer, turns.older]
    assert len(shown) + 1 == N_LIVE
    first = demo.load(guarded(4)(opened), None, [alert, *wanted], show_progress="hidden")
    first.success(guarded(N_LIVE)(show), [trail, *wanted], [alert, *shown], show_progress="hidden")
    timer.tick(guarded(N_LIVE)(tick), [seen, trail, *wanted], [alert, *shown], queue=False, show_progress="hidden")
    for choice in wanted:
        event = choice.input(
            guarded(N_LIVE + 1)(filtered),
            wanted,
            [alert, trail, *shown],
            show_progress="hidden",
            trigger_mode="always_last",
        )
        event.then(None, wanted, None, js=KEEP_JS)
    for button, turn in ((turns.newer, back), (turns.older, further)):
        button.click(guarded(N_LIVE + 1)(turn), [trail, *wanted], [alert, trail, *shown], show_progress="hidden")


def opened(request: gr.Request) -> list[Any]:
    """The filters that the page's address names."""
    state = asked(request, "state").upper()
    known = state if state in set(JobState) else ""
    return [gr.skip(), known, asked(request, "name"), asked(request, "data")]


def show(request: gr.Request, trail: str, state: str, name: str, data: str) -> list[Any]:
    """The whole list at this place."""
    return tick(request, "", trail, state, name, data)


def tick(request: gr.Request, seen: str, trail: str, state: str, name: str, data: str) -> list[Any]:
    """What has changed since the marks `seen`."""
    user, wanted = acting(request), Wanted(state or "", name or "", data or "")
    page = job_lists.page(user, pager.place(trail, N_SHOWN), wanted)
    parts = [
        queue_views.queue(user),
        _listing(user, page, wanted, pager.number(trail)),
        *pager.buttons(trail, page),
    ]
    return [gr.skip(), *only_changed(seen, parts)]


def filtered(request: gr.Request, state: str, name: str, data: str) -> list[Any]:
    """The first page of the jobs that pass the filters."""
    return _at(request, "", state, name, data)


def further(request: gr.Request, trail: str, state: str, name: str, data: str) -> list[Any]:
    """The page of the jobs before these."""
    wanted = Wanted(state or "", name or "", data or "")
    page = job_lists.page(acting(request), pager.place(trail, N_SHOWN), wanted)
    return _at(request, pager.further(trail, page), state, name, data)


def back(request: gr.Request, trail: str, state: str, name: str, data: str) -> list[Any]:
    """The page of the jobs after these."""
    return _at(request, pager.back(trail), state, name, data)


def _at(request: gr.Request, trail: str, *wanted: str) -> list[Any]:
    alert, *parts = show(request, trail, *wanted)
    return [alert, trail, *parts]


def _listing(user: User, page: Page[Job], wanted: Wanted, number: int) -> Markup:
    if not page.rows and wanted == job_lists.ALL:
        return layout.empty("Your jobs appear here. Each trains or scores models on your data.", "train", "Train ›")
    used, places = job_inputs.of_jobs((job.id for job in page.rows), names_only=True), job_lists.positions(page.rows)
    lines = [
        Line(
            job=job,
            state=job_words.state(job, places.get(job.id)),
            done=job_words.share_done(job),
            verdict=str((job.result or {}).get("verdict") or ""),
            outcome=verdicts.in_a_word(job.result or {}),
            method=job_words.method(job),
            models=lineage.models(used[job.id]) or "–",
            data=lineage.data(used[job.id]) or "–",
        )
        for job in page.rows
    ]
    n_all = job_lists.count(user, wanted)
    return html("jobs/listing", lines=lines, n_all=n_all, number=number, n_pages=max(1, -(-n_all // N_SHOWN)))


def in_brief(user: User) -> Markup:
    """For the Start page: the jobs that run or wait, and how the last one ended."""
    live, ended = job_lists.in_brief(user, N_IN_BRIEF)
    return html(
        "jobs/brief",
        live=[(job, job_words.state(job), job_words.share_done(job), job_words.left(job)) for job in live],
        ended=ended,
        ended_at=ended and (ended.finished_at or time.time()),
        outcome=ended and ((ended.result or {}).get("sentence") or job_words.state(ended)),
    )
