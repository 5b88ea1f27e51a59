"""Data: what you have, and what a model would learn from a new file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import turns
from app.pages import (
    answers_review,
    data_health,
    data_rows,
    drop,
    hub_data,
    instruction,
    layout,
    mapping,
    prompts_form,
    rendered,
    stored_data,
)
from app.pages import data_form as form
from app.pages.alerts import CLEAR, FOCUS_JS, guarded, in_turn
from app.pages.instruction import Box
from app.pages.mapping import Choices

WAYS = {"previous": "‹ Previous", "next": "Next ›", "random": "Random", "longest": "Longest"}
LEAD = "What the model will learn."
DELETE_JS = "(subject, depends) => [confirm(`Delete this dataset?\\n\\n${depends}`) ? subject : '', depends]"


@dataclass(frozen=True)
class Lens:
    """One row as a base model sees it."""

    row: gr.HTML
    ways: dict[str, gr.Button]
    base: gr.Dropdown
    length: gr.Number


@dataclass(frozen=True)
class Findings:
    """Facts about all the rows."""

    rows: gr.HTML
    columns: gr.HTML
    lengths: gr.HTML
    remarks: gr.HTML
    health: data_health.Health

    @property
    def told(self) -> list[Any]:
        """Parts that are updated after every choice."""
        return [self.rows, self.columns, self.remarks]


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/data`, with `?upload=ID` for a fresh file and `?data=NAME` for a dataset."""
    subject, index = gr.Textbox(visible=False), gr.Number(0, visible=False)
    following = layout.address()
    with gr.Column(visible=False) as detail:
        with gr.Row(elem_classes="action-row"):
            title = gr.HTML(min_width=260, scale=3)
            use = gr.Button("Use this data ›", variant="primary", elem_id="use-data", scale=1, min_width=160)
        leave_out, replace = mapping.draw_leaving_out()
        caution = gr.HTML(elem_id="caution")
        with gr.Row(elem_classes="two"):
            with gr.Column(min_width=300):
                name = gr.Textbox(label="Name of the dataset", max_length=64, elem_id="data-name")
                choices = mapping.draw(leave_out, replace)
                box = instruction.draw()
                held_out = gr.Dropdown([], visible=False, label="Held-out rows", elem_id="held-out-file")
            lens = _lens()
        findings = _findings()
        review = answers_review.draw()
        with gr.Accordion("Rename or delete", open=False, visible=False) as manage:
            depends, asking = gr.HTML(elem_id="depends"), gr.Textbox(visible=False)
            with gr.Row():
                rename = gr.Button("Rename to the name above", size="sm")
                delete = gr.Button("Delete this dataset", variant="stop", size="sm")
        answers = gr.Column()
    with gr.Column(elem_id="new-data") as arrival:
        drop.draw(alert)
        hub_data.draw(alert)
    listing = gr.HTML(elem_id="datasets")

    shown = [alert, arrival, detail, manage, subject, title, name, held_out, *choices.mapped]
    shown += [*choices.told, *findings.told, *box.all, lens.base, listing]
    opened = demo.load(in_turn(len(shown))(form.open_page), None, shown, show_progress_on=alert)
    stored_data.draw_pages(opened, alert, listing)
    answers_review.let_review([opened.success], review, alert, subject, following)
    with answers:
        prompts_form.draw(opened, alert, subject, following)
    _let_look(opened, alert, subject, index, choices, box, lens, findings)
    opened.success(guarded(3)(stored_data.depends), subject, [alert, depends, asking], show_progress="hidden")
    opened.success(
        in_turn(2, lane=turns.REPORTS)(stored_data.caution_here), subject, [alert, caution], show_progress="hidden"
    )
    data_health.let_mend(opened, alert, subject, following, findings.health)
    _let_decide(use, rename, delete, asking, alert, subject, following, name, held_out, choices, box)


def _lens() -> Lens:
    with gr.Column(min_width=300, elem_id="preview", elem_classes="stays"):
        gr.HTML(layout.section("What the model will see"))
        row = gr.HTML(elem_id="rendered")
        with gr.Row(elem_classes="ways"):
            ways = {way: gr.Button(text, size="sm", min_width=70) for way, text in WAYS.items()}
        with gr.Row():
            base = gr.Dropdown([], label="Preview with model", min_width=140)
            length = gr.Number(rendered.LENGTH, label="Maximum row length (tokens)", precision=0, min_width=110)
    return Lens(row, ways, base, length)


def _findings() -> Findings:
    with gr.Tabs() as tabs:
        with gr.Tab("First rows"):
            rows = gr.HTML(elem_id="first-rows")
        with gr.Tab("Columns"):
            columns = gr.HTML()
        with gr.Tab("Lengths"):
            lengths = gr.HTML()
        with gr.Tab("Remarks"):
            remarks = gr.HTML()
        health = data_health.draw(tabs)
    return Findings(rows, columns, lengths, remarks, health)


def _let_look(
    opened: Any,
    alert: gr.HTML,
    subject: gr.Textbox,
    index: gr.Number,
    choices: Choices,
    box: Box,
    lens: Lens,
    findings: Findings,
) -> None:
    """Update the row and the lengths after every choice."""
    looked_at = [subject, lens.base, lens.length, index, box.typed, *choices.mapped]

    def then_render(event: Any) -> None:
        drawn = event.then(in_turn(2)(data_rows.show_row), looked_at, [alert, lens.row], show_progress="hidden")
        drawn.success(in_turn(2)(data_rows.show_lengths), looked_at, [alert, findings.lengths], show_progress="hidden")

    then_render(opened)
    told = [*choices.told, *findings.told, *box.all, index]
    afresh = [alert, *choices.mapped, *told]
    then_render(
        choices.shape.input(
            in_turn(len(afresh))(form.reshape), [subject, *box.all, choices.shape], afresh, show_progress_on=choices.fit
        )
    )
    mapped = [subject, *box.all, *choices.mapped]
    then_render(choices.switch.click(in_turn(len(afresh))(form.switch), mapped, afresh, show_progress_on=choices.fit))
    remap = in_turn(1 + len(told))(form.remap)
    for slot in (*choices.slots, *choices.more):
        then_render(slot.input(remap, mapped, [alert, *told], show_progress_on=choices.fit))
    for part in (lens.base.input, lens.length.input, box.typed.input):
        then_render(part(lambda: 0, None, index, queue=False))
    for way, button in lens.ways.items():
        button.click(data_rows.mover(way), looked_at, [alert, index, lens.row], show_progress="hidden")


def _let_decide(
    use: gr.Button,
    rename: gr.Button,
    delete: gr.Button,
    asking: gr.Textbox,
    alert: gr.HTML,
    subject: gr.Textbox,
    following: gr.Textbox,
    name: gr.Textbox,
    held_out: gr.Dropdown,
    choices: Choices,
    box: Box,
) -> None:
    """The buttons that store, rename and delete, and their targets."""
    told = [alert, following]
    chosen = [subject, name, held_out, box.typed, choices.leave_out, choices.replace, *choices.mapped]
    used = use.click(in_turn(2)(stored_data.use_data), chosen, told, show_progress_on=alert)
    used.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)
    choices.leave_out.input(lambda is_ticked: CLEAR if is_ticked else gr.skip(), choices.leave_out, alert, queue=False)
    renamed = rename.click(guarded(2)(stored_data.rename), [subject, name], told)
    deleted = delete.click(guarded(2)(stored_data.delete), [subject, asking], told, js=DELETE_JS)
    for event in (renamed, deleted):
        event.then(None, [following, alert], None, js=layout.GO_SAYING_JS).then(None, None, None, js=FOCUS_JS)
