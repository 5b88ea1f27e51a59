"""Datasets in the store: adding one, renaming, deleting, and the list of all."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app.markup import html
from app.pages import data_views, layout, pager
from app.pages.alerts import CLEAR, done, guarded
from app.pages.mapping import chosen
from app.pages.who import acting
from storage import dependents
from storage.data import dataset_lists, datasets, openings, uploads
from storage.data.health import outcomes
from storage.data.splits import Split
from storage.listing import Page, Place
from storage.models import Dataset, User
from templates import registry

N_SHOWN = 50
LOOKING_S = 1.0
"""How long the list may take to check datasets that were never looked at."""


def use_data(
    request: gr.Request,
    subject: str,
    name: str,
    held_out_file: str,
    instruction: str,
    leave_out: bool,
    replace: bool,
    shape: str,
    *slots: Any,
) -> tuple[str, str]:
    """Store a fresh file as a dataset; the training form with that dataset comes next either way."""
    user = acting(request)
    kind, _, key = subject.partition(":")
    if kind == "data":
        return CLEAR, f"train?data={quote(datasets.get(user, key).name)}"
    upload = uploads.get(user, key)
    made = datasets.add(
        user,
        upload,
        name=name,
        shape=shape,
        mapping=chosen(shape, slots),
        instruction=instruction or "",
        leave_out_refused=bool(leave_out),
        replace_unreadable=bool(replace),
        split=Split(file=held_out_file or None),
    )
    return CLEAR, f"train?data={quote(made.name)}"


def rename(request: gr.Request, subject: str, name: str) -> tuple[str, str]:
    """Give the dataset the name in the box."""
    user = acting(request)
    made = datasets.rename(user, subject.partition(":")[2], name)
    return done(f"Renamed to “{made.name}”."), f"data?data={quote(made.name)}"


def delete(request: gr.Request, subject: str, _depends: str = "") -> tuple[str, str]:
    """Delete the dataset; an empty subject means that the reader declined."""
    if not subject:
        return CLEAR, ""
    user = acting(request)
    gone = datasets.get(user, subject.partition(":")[2])
    datasets.delete(user, gone.id)
    return done(f"“{gone.name}” is deleted."), "data"


def depends(request: gr.Request, subject: str) -> list[Any]:
    """What depends on a stored dataset: for the page, and for the question before it is deleted."""
    kind, _, key = subject.partition(":")
    if kind != "data":
        return [gr.skip(), "", ""]
    user = acting(request)
    sentences = dependents.of(user, datasets.get(user, key)).sentences()
    return [gr.skip(), html("gallery/depends", sentences=sentences), " ".join(sentences)]


def caution(request: gr.Request, name_or_id: str, *, is_here: bool = False) -> Markup:
    """A warning if the dataset would mislead anyone who trains on it; else nothing."""
    user = acting(request)
    dataset = datasets.get(user, name_or_id)
    found = outcomes.of(user, dataset)
    why = found.why.partition(": ")[2]
    return html("data/caution", name=dataset.name, found=found, why=why, is_here=is_here)


def caution_here(request: gr.Request, subject: str) -> list[Any]:
    """The warning beside the button that uses a stored dataset."""
    kind, _, key = subject.partition(":")
    return [gr.skip(), caution(request, key, is_here=True) if kind == "data" else ""]


def draw_pages(opened: Any, alert: gr.HTML, listing: gr.HTML) -> None:
    """Below the list: its other pages, and a box that finds datasets by name."""
    with gr.Row(visible=False, elem_classes="filters") as finding:
        name = gr.Textbox(label="Find by name", max_length=64, min_width=130, elem_id="find-data")
    turns = pager.draw("data")
    shown = [alert, turns.trail, listing, finding, turns.newer, turns.older]
    turn = guarded(len(shown))
    opened.success(turn(show), [turns.trail, name], shown, show_progress="hidden")
    name.input(turn(found), name, shown, show_progress="hidden", trigger_mode="always_last")
    turns.newer.click(turn(back), [turns.trail, name], shown, show_progress="hidden")
    turns.older.click(turn(further), [turns.trail, name], shown, show_progress="hidden")


def show(request: gr.Request, trail: str, name: str) -> list[Any]:
    """The list at this place, of the datasets whose names contain `name`."""
    user = acting(request)
    page = dataset_lists.page(user, pager.place(trail, N_SHOWN), name=name or "")
    has_pages = bool(name or trail) or page.after is not None
    turns = pager.buttons(trail, page)
    return [gr.skip(), trail, _table(user, page, name), gr.update(visible=has_pages), *turns]


def found(request: gr.Request, name: str) -> list[Any]:
    """The first page of the datasets whose names contain `name`."""
    return show(request, "", name)


def back(request: gr.Request, trail: str, name: str) -> list[Any]:
    """The page of newer datasets."""
    return show(request, pager.back(trail), name)


def further(request: gr.Request, trail: str, name: str) -> list[Any]:
    """The page of older datasets."""
    page = dataset_lists.page(acting(request), pager.place(trail, N_SHOWN), name=name or "")
    return show(request, pager.further(trail, page), name)


def listing(user: User) -> Markup:
    """The user's newest datasets as a table."""
    return _table(user, dataset_lists.page(user, Place(N_SHOWN)))


def _table(user: User, page: Page[Dataset], name: str = "") -> Markup:
    if not page.rows and not name:
        return layout.empty("Your datasets appear here once you have made the first one.")
    opened = openings.counts(user.id)
    looked_at = outcomes.known(user, page.rows, LOOKING_S)
    lines = [
        (
            one,
            registry.shape(one.shape).title,
            openings.times(opened[one.id]),
            data_views.health(one, looked_at.get(one.id)),
        )
        for one in page.rows
    ]
    return html("data/listing", datasets=lines)
