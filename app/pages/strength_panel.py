"""A result at less than its full strength: measure it, choose it, and chat with it or download it.

The panel stands on the gallery's page of one result, and on the pages of its training and its measurement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.pages import published, strength_views
from app.pages.alerts import CLEAR, guarded, in_turn
from app.pages.who import acting
from app.turns import ROWS
from storage import job_inputs
from storage.gallery import artifacts, strength
from storage.jobs import jobs
from storage.models import TERMINAL, Artifact, Job, User
from storage.planning import strengths
from templates.at_strength import FULL, LEAST, STEP
from templates.roles import Role

POLL_S = 2.0
N_SHOWN = 7
"""Outputs of `show`, the alert among them."""


@dataclass(frozen=True)
class Panel:
    """Its parts; all are out of sight until there is something to show."""

    words: gr.HTML
    button: gr.Button
    chooser: gr.Column
    slider: gr.Slider
    near: gr.HTML
    timer: gr.Timer


@dataclass(frozen=True)
class Weakened:
    """The result that the panel is about."""

    artifact: Artifact
    can_choose: bool
    """The slider shows without a measurement too."""
    shows_curve: bool
    """The curve is not on this page yet."""


Find = Callable[[User, str], Weakened | None]


def draw() -> Panel:
    """The panel's parts."""
    words = gr.HTML(elem_id="strength")
    with gr.Row(elem_classes="ways"):
        button = gr.Button(
            "See what a weaker adapter keeps", size="sm", visible=False, elem_id="measure-strength", min_width=220
        )
    with gr.Column(visible=False, elem_classes="chooser", elem_id="choose-strength") as chooser:
        slider = gr.Slider(
            LEAST,
            FULL,
            FULL,
            step=STEP,
            label="Strength of the adapter",
            info="With less of it, the model forgets less, but has learned less.",
            elem_id="strength-slider",
        )
        near = gr.HTML(elem_id="strength-near")
    return Panel(words, button, chooser, slider, near, gr.Timer(POLL_S, active=False))


def let_use(opened: list[Any], panel: Panel, alert: gr.HTML, subject: gr.Textbox, find: Find) -> None:
    """Fill the panel after each of the events `opened`; `find` gives the result of the page's subject."""
    shown = [alert, panel.words, panel.button, panel.chooser, panel.slider, panel.near, panel.timer]
    show = guarded(N_SHOWN)(_shower(find))
    for event in opened:
        event(show, subject, shown, show_progress="hidden")
    panel.timer.tick(guarded(N_SHOWN)(_poller(find)), subject, shown, queue=False, show_progress="hidden")
    launched = panel.button.click(in_turn(1, lane=ROWS)(_launcher(find)), subject, alert)
    launched.success(show, subject, shown, show_progress="hidden")
    panel.slider.change(
        guarded(2)(_chooser(find)),
        [subject, panel.slider],
        [alert, panel.near],
        show_progress="hidden",
        trigger_mode="always_last",
    )


def of_job(user: User, job_id: str) -> Weakened | None:
    """On a job's page: the result of a training, or the one that a measurement of strengths scored."""
    if not job_id:
        return None
    job = jobs.get(user, job_id)
    if made := published.result_of(user, job):
        return Weakened(made, can_choose=False, shows_curve=True) if artifacts.is_model(made) else None
    scored = job_inputs.of_job(job.id).model(Role.MODEL)
    if not isinstance(scored, Artifact) or scored.deleted_at is not None:
        return None
    newest = strengths.of_artifact(user, scored)
    is_this = newest is not None and newest.id == job.id and newest.state in TERMINAL
    return Weakened(scored, can_choose=False, shows_curve=False) if is_this else None


def of_result(user: User, artifact_id: str) -> Weakened | None:
    """On the gallery's page of one result."""
    found = artifacts.get(user, artifact_id) if artifact_id else None
    return Weakened(found, can_choose=True, shows_curve=True) if found and artifacts.is_model(found) else None


def _shower(find: Find) -> Callable[..., list[Any]]:
    def show(request: gr.Request, subject: str) -> list[Any]:
        """Everything: the curve or the way to it, and the slider where it stands by itself."""
        user = acting(request)
        about = find(user, subject)
        if about is None or not strength.has_strength(about.artifact, artifacts.folder(about.artifact)):
            return [gr.skip(), "", *_hidden(), gr.skip(), "", gr.update(active=False)]
        job = strengths.of_artifact(user, about.artifact)
        result = strengths.measured(job)
        start = float((result or {}).get("recommended") or FULL)
        return [
            gr.skip(),
            _words(user, about, job),
            gr.update(visible=job is None and _makes_sense(user, about.artifact)),
            gr.update(visible=about.can_choose or result is not None),
            start,
            strength_views.near(about.artifact, result, start),
            gr.update(active=job is not None and job.state not in TERMINAL),
        ]

    return show


def _hidden() -> list[Any]:
    return [gr.update(visible=False), gr.update(visible=False)]


def _words(user: User, about: Weakened, job: Job | None) -> Any:
    if job is None:
        if not _has_lost(about.artifact):
            return ""
        why_not = strengths.why_not(user, about.artifact.id)
        estimate = None if why_not else strengths.plan(user, about.artifact.id).estimate
        return strength_views.offer(estimate, why_not, strengths.last_failure(user, about.artifact))
    result = strengths.measured(job)
    if result is None:
        return strength_views.running(job)
    return strength_views.outcome(result) if about.shows_curve else ""


def _makes_sense(user: User, artifact: Artifact) -> bool:
    return _has_lost(artifact) and not strengths.why_not(user, artifact.id)


def _has_lost(artifact: Artifact) -> bool:
    """Whether less strength may keep more: general abilities are not known to be as good as before."""
    forgotten = artifacts.model_facts(artifact).verdict.get("forgotten")
    return forgotten is None or bool(forgotten["mean"]["difference"]["low"] < 0)


def _poller(find: Find) -> Callable[..., list[Any]]:
    show = _shower(find)

    def poll(request: gr.Request, subject: str) -> list[Any]:
        """While it is measured only the words change; at the end everything is shown once."""
        user = acting(request)
        about = find(user, subject)
        job = strengths.of_artifact(user, about.artifact) if about else None
        if job is not None and job.state not in TERMINAL:
            return [gr.skip(), strength_views.running(job), *[gr.skip()] * (N_SHOWN - 2)]
        return show(request, subject)

    return poll


def _launcher(find: Find) -> Callable[..., str]:
    def launch(request: gr.Request, subject: str) -> str:
        """Queue the measurement."""
        user = acting(request)
        about = find(user, subject)
        if about is not None and strengths.of_artifact(user, about.artifact) is None:
            strengths.submit(user, about.artifact.id)
        return CLEAR

    return launch


def _chooser(find: Find) -> Callable[..., list[Any]]:
    def choose(request: gr.Request, subject: str, chosen: float) -> list[Any]:
        """What was measured near the chosen strength."""
        user = acting(request)
        about = find(user, subject)
        if about is None:
            return [gr.skip(), ""]
        result = strengths.measured(strengths.of_artifact(user, about.artifact))
        return [gr.skip(), strength_views.near(about.artifact, result, round(float(chosen), 2))]

    return choose
