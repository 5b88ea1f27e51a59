"""Data: what you have, and what a new file would teach."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.pages import data_form as form
from app.pages import drop, layout, rendered
from app.pages.alerts import FOCUS_JS, guarded
from templates import registry

WAYS = {"previous": "‹ Previous", "next": "Next ›", "random": "Random", "longest": "Longest"}
LEAD = "What the model will be taught. Nothing is stored before you press “Use this data”."


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/data`, with `?upload=ID` for a fresh file and `?data=NAME` for a dataset.

    Layout and wiring stand in one piece, to be read from top to bottom.
    """
    subject, index = gr.Textbox(visible=False), gr.Number(0, visible=False)
    following = layout.address()
    with gr.Column(visible=False) as detail:
        with gr.Row(elem_classes="action-row"):
            title = gr.HTML(min_width=260, scale=3)
            use = gr.Button("Use this data ›", variant="primary", elem_id="use-data", scale=1, min_width=160)
        with gr.Row(elem_classes="two"):
            with gr.Column(min_width=300):
                name = gr.Textbox(label="Name of the dataset", max_length=64, elem_id="data-name")
                shape = gr.Dropdown(_shapes(), label="One row is", elem_id="data-shape")
                slots = [gr.Dropdown([], visible=False, elem_id=f"field-{i}") for i in range(form.SLOTS)]
                facts = gr.HTML()
            with gr.Column(min_width=300, elem_id="preview"):
                gr.HTML("<h2>What the model will see</h2>")
                row = gr.HTML(elem_id="rendered")
                with gr.Row(elem_classes="ways"):
                    ways = {way: gr.Button(text, size="sm", min_width=70) for way, text in WAYS.items()}
                with gr.Row():
                    base = gr.Dropdown([], label="As this base model reads it", min_width=140)
                    length = gr.Number(rendered.LENGTH, label="Cut after (tokens)", precision=0, min_width=110)
        with gr.Tabs():
            with gr.Tab("Columns"):
                columns = gr.HTML()
            with gr.Tab("Lengths"):
                lengths = gr.HTML()
            with gr.Tab("Remarks"):
                remarks = gr.HTML()
        with gr.Accordion("Rename or delete", open=False, visible=False) as manage, gr.Row():
            rename_button = gr.Button("Rename to the name above", size="sm")
            delete_button = gr.Button("Delete this dataset", variant="stop", size="sm")
    with gr.Column(elem_id="new-data") as arrival:
        drop.draw(alert)
    listing = gr.HTML(elem_id="datasets")

    mapped = [shape, *slots]
    looked_at = [subject, base, length, index, *mapped]
    shown = [alert, arrival, detail, manage, subject, title, name, *mapped, facts, columns, remarks, base, listing]
    demo_load = demo.load(guarded(len(shown))(form.open_page), None, shown)
    _then_render(demo_load, alert, looked_at, row, lengths)
    choices = [alert, *mapped, facts, columns, remarks, index]
    reshaped = shape.input(guarded(len(choices))(form.reshape), [subject, shape], choices)
    _then_render(reshaped, alert, looked_at, row, lengths)
    for slot in slots:
        mapped_anew = slot.input(
            guarded(3)(form.remap), [subject, *mapped], [alert, remarks, index], show_progress="hidden"
        )
        _then_render(mapped_anew, alert, looked_at, row, lengths)
    for part in (base.input, length.input):
        _then_render(part(lambda: 0, None, index, queue=False), alert, looked_at, row, lengths)
    for way, button in ways.items():
        button.click(form.mover(way), looked_at, [alert, index, row], show_progress="hidden")
    using = use.click(guarded(2)(form.use_data), [subject, name, *mapped], [alert, following])
    using.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)
    renamed = rename_button.click(guarded(2)(form.rename), [subject, name], [alert, following])
    deleted = delete_button.click(
        guarded(2)(form.delete), [subject], [alert, following], js="(s) => confirm('Delete this dataset?') ? s : ''"
    )
    for event in (renamed, deleted):
        event.then(None, following, None, js=layout.GO_JS)


def _then_render(event: Any, alert: gr.HTML, looked_at: list[Any], row: gr.HTML, lengths: gr.HTML) -> None:
    drawn = event.then(guarded(2)(form.show_row), looked_at, [alert, row], show_progress="hidden")
    drawn.success(guarded(2)(form.show_lengths), looked_at, [alert, lengths], show_progress="hidden")


def _shapes() -> list[tuple[str, str]]:
    return [(f"{shape.title} — {shape.summary}", key) for key, shape in registry.shapes().items()]
