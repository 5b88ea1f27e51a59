"""Datasets in the store: adding one, renaming, deleting, and the list of all."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app.markup import html
from app.pages import data_views, layout
from app.pages.alerts import CLEAR, done
from app.pages.mapping import chosen
from app.pages.who import acting
from storage import dependents
from storage.data import datasets, openings, uploads
from storage.data.health import outcomes
from storage.data.splits import Split
from storage.models import User
from templates import registry

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
    sentences = dependents.of(datasets.get(acting(request), key)).sentences()
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


def listing(user: User) -> Markup:
    """The user's datasets as a table."""
    found, opened = datasets.of_user(user), openings.counts(user.id)
    if not found:
        return layout.empty("Your datasets appear here. Drop a file above to make the first one.")
    looked_at = outcomes.known(user, found, LOOKING_S)
    lines = [
        (
            one,
            registry.shape(one.shape).title,
            openings.times(opened[one.id]),
            data_views.health(one, looked_at.get(one.id)),
        )
        for one in found
    ]
    return html("data/listing", datasets=lines)
