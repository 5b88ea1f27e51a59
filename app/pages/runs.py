"""Runs: two to six trainings side by side."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr

from app.markup import html
from app.pages import layout, run_views
from app.pages.alerts import CLEAR, FOCUS_JS, guarded
from app.pages.who import acting, asked
from storage.jobs import jobs
from storage.runs import candidates, comparison
from templates.errors import BadInput, Problem

LEAD = "What differs between trainings, and whether the results differ."
TEACHES = (
    "Choose two to six trainings. You then see which of their settings differ, their curves laid over one another, "
    "and for each result by how much it differs from the first, row by row."
)
N_OPENED = 5


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/runs`, with `?ids=ID,ID` for the runs to compare, the reference first."""
    following = layout.address()
    chosen = gr.Dropdown(
        [],
        multiselect=True,
        max_choices=comparison.MOST,
        label="Runs to compare (2 to 6)",
        info="The others are compared with the first.",
        elem_id="chosen-runs",
        interactive=True,
    )
    with gr.Row(elem_classes="ways"):
        compare = gr.Button("Compare these runs", variant="primary", size="sm", elem_id="compare-runs")
    shown = gr.HTML(elem_id="comparison")
    with gr.Accordion("The curves’ numbers", open=False, visible=False) as fold:
        numbers = gr.HTML()
    demo.load(guarded(N_OPENED)(opened), None, [alert, chosen, shown, fold, numbers])
    going = compare.click(guarded(2)(go), chosen, [alert, following], show_progress="hidden")
    going.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def opened(request: gr.Request) -> list[Any]:
    """The runs to choose from; the comparison if the address names several."""
    user, wanted = acting(request), [part for part in asked(request, "ids").split(",") if part]
    found = candidates.of_user(user)
    if not found:
        empty = layout.empty("Your trainings appear here, to be compared. Launch two first.", "train", "Train ›")
        return [CLEAR, gr.update(visible=False), empty, gr.update(visible=False), ""]
    if wanted:
        found = candidates.beside(found, jobs.get(user, wanted[0]))
    known = {one.job.id for one in found}
    values = [job_id for job_id in wanted if job_id in known]
    chooser = gr.update(choices=[(run_views.choice(one), one.job.id) for one in found], value=values)
    if len(wanted) < comparison.FEWEST:
        words = "Choose at least one more run to compare with it." if values else TEACHES
        return [CLEAR, chooser, html("plain", words=words), gr.update(visible=False), ""]
    compared = comparison.compare(user, wanted)
    numbers = run_views.numbers(compared)
    return [CLEAR, chooser, run_views.whole(compared), gr.update(visible=bool(numbers)), numbers]


def go(request: gr.Request, chosen: list[str]) -> tuple[str, str]:
    """Lead to the comparison of the chosen runs."""
    acting(request)
    if len(chosen) < comparison.FEWEST:
        raise BadInput(Problem("Choose two to six runs first.", remedy="Type a part of a name to find a run."))
    return CLEAR, f"runs?ids={quote(','.join(chosen), safe=',')}"
