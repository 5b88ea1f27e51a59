"""The form on the Data page that takes rows of a dataset on the hub as a file."""

from __future__ import annotations

from urllib.parse import quote

import gradio as gr

from app import turns
from app.pages import layout
from app.pages.alerts import FOCUS_JS, done, in_turn
from app.pages.who import acting
from storage.data import hub_datasets


def draw(alert: gr.HTML) -> None:
    """The form, folded."""
    following = layout.address()
    with gr.Accordion("Or take rows of a dataset on the hub", open=False, elem_id="hub-data"):
        with gr.Row():
            source = gr.Textbox(
                label="Id of the dataset",
                placeholder="owner/name, or owner/name@revision",
                max_length=300,
                min_width=220,
                scale=2,
                elem_id="hub-data-id",
            )
            config = gr.Textbox(label="Configuration", info="Empty: the usual one.", max_length=100, min_width=120)
            split = gr.Textbox(label="Split", info="Empty: train.", max_length=100, min_width=120)
            rows = gr.Number(
                hub_datasets.ROWS, label="Most rows", minimum=1, precision=0, min_width=120, elem_id="hub-data-rows"
            )
        button = gr.Button("Take these rows", elem_id="take-hub-data")
    taken = button.click(
        in_turn(2, lane=turns.FILES)(take), [source, config, split, rows], [alert, following], show_progress_on=alert
    )
    taken.then(None, [following, alert], None, js=layout.GO_SAYING_JS).then(None, None, None, js=FOCUS_JS)


def take(request: gr.Request, source: str, config: str, split: str, rows: float | None) -> tuple[str, str]:
    """Take the rows; returns what was taken, and the address that shows it like a file."""
    found = hub_datasets.take(
        acting(request),
        (source or "").strip(),
        config=(config or "").strip() or None,
        split=(split or "").strip() or None,
        rows=None if rows is None else int(rows),
    )
    return done(found.note), f"data?upload={quote(found.upload.id)}"
