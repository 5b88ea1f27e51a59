"""Models: the base models that you have, those on their way, and where to get more."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app import turns
from app.markup import html
from app.pages import layout, model_adding, model_catalogue, model_downloads, model_views
from app.pages.alerts import CLEAR, FOCUS_JS, done, guarded, html_of, in_turn
from app.pages.model_adding import N_FILLED, Form
from app.pages.unchanged import only_changed
from app.pages.who import acting, asked
from storage import dependents
from storage.bases import base_models, catalogue, deletions, renames
from storage.jobs import jobs
from storage.models import User, new_id
from templates.errors import NotFound

LEAD = "The base models that you can adapt: what they are, and what fits on your workers."
POLL_S = 2.0
N_SHOWN = 8
"""Entries of the catalogue before all are asked for."""
N_LIVE = 5
"""Outputs of `tick`."""
DELETE_JS = "(subject, depends) => [confirm(`Delete this model?\\n\\n${depends}`) ? subject : '', depends]"
THEN_JS = """() => setTimeout(() => {
  const places = ['[role=alert]', '#add-consent p', '#on-its-way h2'];
  const place = places.map((selector) => document.querySelector(selector)).find((found) => found?.offsetParent);
  if (!place) return;
  place.tabIndex = -1;
  place.focus();
  place.scrollIntoView({block: 'center'});
}, 150)"""
"""After a click in the catalogue: to what went wrong, to what has to be accepted, or to the model on its way."""


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/models`, with `?model=NAME` for one of them.

    Layout and wiring stand in one piece, to be read from top to bottom.
    """
    subject, following, key = gr.Textbox(visible=False), layout.address(), gr.Textbox(visible=False)
    coming = gr.HTML(elem_id="on-its-way", js_on_load=layout.BUTTONS_JS)
    with gr.Column(visible=False, elem_classes="manage") as one:
        card = gr.HTML()
        with gr.Row(visible=False, elem_classes="ways") as ways:
            name = gr.Textbox(label="Name", max_length=64, min_width=200, elem_id="model-name")
            rename_button = gr.Button("Rename", size="sm", min_width=90, elem_id="rename-model")
            delete_button = gr.Button("Delete", size="sm", variant="stop", min_width=90, elem_id="delete-model")
        depends, asking = gr.HTML(elem_id="depends"), gr.Textbox(visible=False)
    yours = gr.HTML(elem_id="your-models")
    with gr.Column() as adding:
        gr.HTML(layout.section("Add a model"))
        typed = gr.Textbox(
            label="Search the catalogue",
            placeholder="a name, a language, a licence, a task",
            max_length=100,
            elem_id="search-models",
        )
        listing = gr.HTML(elem_id="catalogue", js_on_load=layout.BUTTONS_JS)
        n_all = len(catalogue.entries())
        more, is_whole = gr.Button(f"Show all {n_all}", elem_id="more-models"), gr.Checkbox(visible=False)
        form = model_adding.draw()
    seen, timer = gr.Textbox(visible=False), gr.Timer(POLL_S)

    opened = [alert, key, subject, one, card, ways, name, depends, asking, adding, form.way, form.shared]
    look, known, live = guarded(N_LIVE)(tick), [seen, typed, is_whole], [alert, seen, coming, yours, listing]
    assert len(live) == N_LIVE
    first = demo.load(guarded(len(opened))(open_page), None, opened, show_progress="hidden")
    first.success(look, known, live, show_progress="hidden")
    timer.tick(look, known, live, queue=False, show_progress="hidden")
    typed.change(
        guarded(2)(search), [typed, is_whole], [alert, listing], show_progress="hidden", trigger_mode="always_last"
    )
    more.click(guarded(4)(show_all), typed, [alert, listing, more, is_whole], show_progress="hidden")
    acted = coming.click(guarded(1)(act), None, alert, show_progress="hidden", trigger_mode="multiple")
    acted.then(look, known, live, show_progress="hidden")
    _let_manage(alert, following, subject, name, asking, rename_button, delete_button)

    _let_fill(alert, form)
    taken = listing.click(
        in_turn(2 + N_FILLED, lane=turns.MODELS)(take),
        key,
        [alert, key, *form.filled],
        show_progress_on=alert,
        trigger_mode="multiple",
    )
    added = form.submit.click(
        in_turn(4, lane=turns.MODELS)(model_adding.add),
        [key, *form.typed],
        [alert, key, form.hub.token, form.file],
        show_progress_on=alert,
    )
    for event in (taken, added):
        event.then(look, known, live, show_progress="hidden").then(None, None, None, js=THEN_JS)


def _let_manage(
    alert: gr.HTML,
    following: gr.Textbox,
    subject: gr.Textbox,
    name: gr.Textbox,
    asking: gr.Textbox,
    rename_button: gr.Button,
    delete_button: gr.Button,
) -> None:
    """The buttons that rename and delete the one model."""
    for event in (
        rename_button.click(guarded(2)(rename), [subject, name], [alert, following]),
        delete_button.click(guarded(2)(delete), [subject, asking], [alert, following], js=DELETE_JS),
    ):
        event.then(None, [following, alert], None, js=layout.GO_SAYING_JS).then(None, None, None, js=FOCUS_JS)


def _let_fill(alert: gr.HTML, form: Form) -> None:
    """The parts of the form that change each other."""
    form.way.input(guarded(4)(model_adding.switched), form.way, form.sources, show_progress="hidden")
    searched = in_turn(2, lane=turns.MODELS)(model_adding.search_hub)
    for event in (form.hub.search.click, form.hub.id.submit):
        event(searched, form.hub.id, [alert, form.hub.found], show_progress_on=form.hub.found)
    form.hub.found.click(choose, None, [form.hub.id, form.hub.found], show_progress="hidden")


def choose(pressed: gr.EventData) -> list[str]:
    """Fill in the id of a model that the search found."""
    return [str(pressed.which), ""]


def open_page(request: gr.Request) -> list[Any]:
    """A key for what will be added, and the one model that the page's address names."""
    user, wanted = acting(request), asked(request, "model")
    nothing = ["", gr.update(visible=False), "", gr.update(visible=False), "", "", "", gr.update(visible=True)]
    if not wanted:
        return [CLEAR, new_id(), *nothing, *model_adding.allowed(request)]
    try:
        row = base_models.get(user, wanted)
    except NotFound:
        missing = NotFound(f"There is no base model “{wanted}”.", remedy="It may be renamed or deleted; see below.")
        return [html_of(missing), new_id(), *nothing, *model_adding.allowed(request)]
    is_own = row.source != "bundled" and (not row.is_shared or user.is_admin)
    sentences = dependents.of(user, row).sentences() if is_own else []
    return [
        CLEAR,
        new_id(),
        row.id,
        gr.update(visible=True),
        model_views.detail(user, row),
        gr.update(visible=is_own),
        row.name,
        html("gallery/depends", sentences=sentences) if is_own else "",
        " ".join(sentences),
        gr.update(visible=False),
        *model_adding.allowed(request),
    ]


def tick(request: gr.Request, seen: str, typed: str, is_whole: bool) -> list[Any]:
    """What has changed since the marks `seen`: models on their way, and the lists, if anything in them has."""
    user = acting(request)
    marks, coming, changed = only_changed(seen, [model_downloads.on_its_way(user), model_views.state(user)])
    if isinstance(changed, dict):  # a skip
        return [gr.skip(), marks, coming, gr.skip(), gr.skip()]
    return [gr.skip(), marks, coming, model_views.yours(user), _listing(user, typed, is_whole)]


def search(request: gr.Request, typed: str, is_whole: bool) -> list[Any]:
    """The entries of the catalogue that match."""
    return [gr.skip(), _listing(acting(request), typed, is_whole)]


def show_all(request: gr.Request, typed: str) -> list[Any]:
    """The whole catalogue."""
    return [*search(request, typed, True), gr.update(visible=False), True]


def _listing(user: User, typed: str, is_whole: bool) -> Markup:
    return model_catalogue.listing(user, typed or "", None if is_whole else N_SHOWN)


def take(request: gr.Request, key: str, pressed: gr.EventData) -> list[Any]:
    """Add the entry of the catalogue whose button was pressed."""
    return model_adding.take(request, key, str(pressed.which))


def act(request: gr.Request, pressed: gr.EventData) -> str:
    """Cancel a model on its way, or try a failed one again."""
    user, job_id = acting(request), str(pressed.which)
    if pressed.does == "retry":
        return done(f"“{jobs.retry(user, job_id).name}” is tried again.")
    return done(f"“{jobs.cancel(user, job_id).name}” is being cancelled.")


def rename(request: gr.Request, subject: str, name: str) -> tuple[str, str]:
    """Rename the model."""
    row = renames.rename(acting(request), subject, name)
    return done(f"It is now called “{row.name}”."), f"models?model={quote(row.name)}"


def delete(request: gr.Request, subject: str, _depends: str = "") -> tuple[str, str]:
    """Delete the model; an empty subject means that the reader declined."""
    if not subject:
        return CLEAR, ""
    user = acting(request)
    gone = base_models.get(user, subject)
    deletions.delete(user, gone.id)
    return done(f"“{gone.name}” is deleted."), "models"
