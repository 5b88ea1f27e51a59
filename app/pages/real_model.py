"""The offer of a small model of real English, on the first page until there is one.

Nothing is looked up for it: only the job that a click starts asks the package index.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import turns
from app.markup import html
from app.pages import layout, model_adding, model_downloads
from app.pages.alerts import CLEAR, FOCUS_JS, guarded, in_turn
from app.pages.who import acting
from storage.bases import catalogue, proposed
from storage.models import new_id
from templates.quantities import size


def draw(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The offer, hidden at first."""
    key, following = gr.Textbox(visible=False), layout.address()
    with gr.Column(visible=False, elem_id="real-model") as offer:
        words = gr.HTML()
        button = gr.Button("", elem_id="use-real-model")
    demo.load(guarded(5)(opened), None, [alert, offer, words, button, key], show_progress="hidden")
    taken = button.click(in_turn(2, lane=turns.MODELS)(take), key, [alert, following], show_progress_on=alert)
    taken.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def opened(request: gr.Request) -> list[Any]:
    """The offer, unless the person has the model or has asked for it."""
    user, entry = acting(request), catalogue.get(proposed.REAL)
    is_here = proposed.real(user) is not None or entry.name in model_downloads.entries(user)
    return [
        gr.skip(),
        gr.update(visible=not is_here),
        html("models/offer", entry=entry),
        f"Use a real small model, {size(entry.download_bytes)}",
        new_id(),
    ]


def take(request: gr.Request, key: str) -> tuple[str, str]:
    """Queue the model, and lead to where it arrives."""
    model_adding.submit(acting(request), catalogue.get(proposed.REAL), key)
    return CLEAR, "models"
