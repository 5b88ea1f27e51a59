"""Train: everything advised is filled in; what it will cost stands below; one button launches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.forms import SettingsForm
from app.pages import choices, layout
from app.pages.alerts import FOCUS_JS
from app.pages.train_form import FIXES, WAYS, TrainForm
from storage.models import new_id

LEAD = "Everything is filled in with what is advised. Change what you like, or launch."


@dataclass(frozen=True)
class Lens:
    """One row as the chosen base model sees it, and the chosen method's page."""

    row: gr.HTML
    ways: dict[str, gr.Button]
    about: gr.Markdown


@dataclass(frozen=True)
class Start:
    """What the job is called and takes, what would make it fit, and the button that launches it."""

    name: gr.Textbox
    card: gr.HTML
    fixes: list[gr.Button]
    launch: gr.Button


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/train`, with `?data=NAME` and `?base=NAME` to begin with."""
    settings = SettingsForm()
    key, advised, fixes = gr.Textbox(visible=False), gr.State({}), gr.State([])
    following, index = layout.address(), gr.Number(0, visible=False)
    nothing = gr.HTML()
    with gr.Row(elem_classes="two", visible=False) as body:
        with gr.Column(scale=3, min_width=320):
            goal = gr.Radio(label="Goal", elem_id="goal")
            with gr.Row():
                base = gr.Dropdown(label="Base model", min_width=180, elem_id="base")
                data = gr.Dropdown(label="Data", min_width=180, elem_id="data")
            with gr.Row():
                method = gr.Dropdown(label="Method", min_width=180, elem_id="method")
                effort = gr.Radio(choices.efforts(), label="Effort", min_width=220, elem_id="effort")
            with gr.Row(elem_classes="settings"):
                settings.draw_shown()
            more, precision = _more(settings)
            start = _start()
        lens = _lens()

    form = TrainForm(settings)
    top = [goal, base, data, method, effort]
    drawn = [alert, *top, precision, more, lens.about, advised, *settings.components]
    everything = [*top, precision, *settings.components]
    checked = [alert, start.card, fixes, key, *start.fixes]
    shown = [alert, index, lens.row]

    def then_check(event: Any) -> None:
        event.success(form.check, everything, checked, show_progress="minimal").success(
            form.show, [index, *everything], shown, show_progress="hidden"
        )

    then_check(demo.load(form.open, None, [nothing, body, key, start.name, *drawn]))
    then_check(goal.input(form.aim, top, drawn, show_progress="hidden"))
    for part in (method, effort):
        then_check(part.input(form.choose, top, drawn, show_progress="hidden"))
    for part in (base, data):
        then_check(part.input(form.rebase, [advised, *everything], drawn, show_progress="hidden"))
    for part in (precision, *settings.components):
        changed = part.input(form.check, everything, checked, show_progress="hidden", trigger_mode="always_last")
        changed.success(form.show, [index, *everything], shown, show_progress="hidden")
    start.name.input(new_id, None, key, queue=False, show_progress="hidden")
    for way, button in lens.ways.items():
        button.click(form.mover(way), [index, *everything], shown, show_progress="hidden")
    for i, button in enumerate(start.fixes):
        then_check(button.click(form.fixer(i), [fixes, *everything], drawn, show_progress="hidden"))
    launched = start.launch.click(form.launch, [key, start.name, *everything], [alert, following])
    launched.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def _more(settings: SettingsForm) -> tuple[gr.Accordion, gr.Dropdown]:
    with gr.Accordion("More settings", open=False) as more:
        precision = gr.Dropdown(label="Precision of the frozen base", elem_id="precision")
        with gr.Row(elem_classes="settings"):
            settings.draw_folded()
    return more, precision


def _start() -> Start:
    return Start(
        name=gr.Textbox(label="Name of the result", max_length=64, elem_id="job-name"),
        card=gr.HTML(elem_id="preflight"),
        fixes=[gr.Button(visible=False, size="sm", elem_classes="fix") for _ in range(FIXES)],
        launch=gr.Button("Launch", variant="primary", elem_id="launch"),
    )


def _lens() -> Lens:
    with gr.Column(scale=2, min_width=300, elem_id="preview"):
        gr.HTML(layout.section("What the model will see"))
        row = gr.HTML(elem_id="rendered")
        with gr.Row(elem_classes="ways"):
            ways = {way: gr.Button(text, size="sm", min_width=70) for way, text in WAYS.items()}
        with gr.Accordion("About this method", open=False):
            about = gr.Markdown()
    return Lens(row, ways, about)
