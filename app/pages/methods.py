"""Methods: one table of all ways to change a model's weights, and a page for each."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.markup import html
from app.pages import method_views
from app.pages.alerts import CLEAR, guarded
from app.pages.who import acting, asked
from storage.bases import base_models, proposed
from templates import registry

LEAD = "The ways to change a model, side by side."
N_OPENED = 5


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/methods`, with `?method=KEY` for the page of one."""
    head, picture, about = gr.HTML(elem_id="method-head"), gr.HTML(), gr.Markdown(elem_id="method-page")
    listing = gr.HTML(elem_id="methods")
    demo.load(guarded(N_OPENED)(opened), None, [alert, head, picture, about, listing])


def opened(request: gr.Request) -> list[Any]:
    """The page of the method that the address names, or else the table."""
    user = acting(request)
    row = proposed.base(user)
    facts, wanted = base_models.facts(row), asked(request, "method")
    if wanted:
        method = registry.method(wanted)
        head = method_views.head(method, row.name, facts)
        return [CLEAR, head, method_views.picture(method), gr.update(value=method.page, visible=True), ""]
    core, expert = method_views.lines(facts, expert=False), method_views.lines(facts, expert=True)
    table = html("methods/listing", core=core, expert=expert, base=row.name)
    return [CLEAR, "", "", gr.update(value="", visible=False), table]
