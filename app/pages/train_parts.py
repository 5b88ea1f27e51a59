"""The parts of the training form that stay when its settings are redrawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.markup import html
from app.pages import choices, instruction, layout, reward_choice, train_mix
from app.pages.train_form import FIXES
from app.pages.train_mix import Mixed

WAYS = {"previous": "‹ Previous", "next": "Next ›", "random": "Random", "longest": "Longest"}


@dataclass(frozen=True)
class Choices:
    """The first choices, which determine the settings."""

    goal: gr.Radio
    base: gr.Dropdown
    data: gr.Dropdown
    method: gr.Dropdown
    effort: gr.Radio
    instruction: gr.Textbox
    continue_from: gr.Radio
    teacher: gr.Dropdown
    objective: gr.Radio
    """The way to a goal that has several."""
    reward: gr.Dropdown
    mixed: Mixed

    @property
    def all(self) -> list[Any]:
        """In the order of `Filled`."""
        how = [self.instruction, self.continue_from, self.teacher, self.objective, self.reward]
        return [self.goal, self.base, self.data, self.method, self.effort, *how, *self.mixed.all]

    @property
    def drawn(self) -> list[Any]:
        """The same, and what has no value."""
        return [*self.all, *self.mixed.drawn[len(self.mixed.all) :]]


@dataclass(frozen=True)
class Lens:
    """One row as the chosen base model sees it, and the chosen method's page."""

    row: gr.HTML
    ways: dict[str, gr.Button]
    index: gr.Number
    about: gr.Markdown
    ask: gr.Button
    """Asks the teacher about the row."""
    said: gr.HTML
    """What it said."""


@dataclass(frozen=True)
class Start:
    """The job's name and cost, changes that would make it fit, and the button to launch it."""

    name: gr.Textbox
    proposed: gr.Textbox
    """The name that was proposed last; an edited one stays."""
    caution: gr.HTML
    card: gr.HTML
    counting: gr.HTML
    """What the page says while the card's figures are on their way."""
    again: gr.Timer
    """Asks for the figures until they are there."""
    fixes: list[gr.Button]
    launch: gr.Button


def draw_choices() -> Choices:
    """The choices, side by side where there is room."""
    goal = gr.Radio(label="Goal", elem_id="goal", interactive=True)
    objective = gr.Radio(label="How", elem_id="objective", interactive=True, visible=False)
    with gr.Row():
        base = gr.Dropdown(label="Base model", min_width=180, elem_id="base", interactive=True)
        data = gr.Dropdown(label="Data", min_width=180, elem_id="data", interactive=True)
    teacher = gr.Dropdown(
        label="Teacher",
        info="The model to learn from: a larger one, or a result of yours.",
        elem_id="teacher",
        interactive=True,
        visible=False,
    )
    reward = reward_choice.draw()
    continue_from = gr.Radio(
        choices.continuations(),
        value="advised",
        label="How to go on from this adapter",
        elem_id="continue-from",
        interactive=True,
        visible=False,
    )
    mixed = train_mix.draw()
    with gr.Row():
        method = gr.Dropdown(label="Method", min_width=180, elem_id="method", interactive=True)
        effort = gr.Radio(choices.efforts(), label="Effort", min_width=220, elem_id="effort", interactive=True)
    how = instruction.textbox(), continue_from, teacher, objective, reward
    return Choices(goal, base, data, method, effort, *how, mixed)


def draw_start() -> Start:
    """The parts below the settings, the button disabled."""
    return Start(
        name=gr.Textbox(label="Name of the result", max_length=64, elem_id="job-name", interactive=True),
        counting=gr.HTML(elem_id="counting"),
        again=gr.Timer(1.0, active=False),
        proposed=gr.Textbox(visible=False),
        caution=gr.HTML(elem_id="caution"),
        card=gr.HTML(elem_id="preflight"),
        fixes=[gr.Button(visible=False, size="sm", elem_classes="fix") for _ in range(FIXES)],
        launch=gr.Button("Launch", variant="primary", interactive=False, elem_id="launch"),
    )


def draw_lens() -> Lens:
    """The parts beside the form."""
    with gr.Column(scale=2, min_width=300, elem_id="preview"):
        gr.HTML(layout.section("What the model will see"))
        row, index = gr.HTML(elem_id="rendered"), gr.Number(0, visible=False)
        with gr.Row(elem_classes="ways"):
            ways = {way: gr.Button(text, size="sm", min_width=70) for way, text in WAYS.items()}
            ask = gr.Button("Ask the teacher", size="sm", min_width=120, visible=False, elem_id="ask-teacher")
        said = gr.HTML(elem_id="teacher-says")
        with gr.Accordion("About this method", open=False):
            about = gr.Markdown()
            gr.HTML(html("train/all_methods"))
    return Lens(row, ways, index, about, ask, said)
