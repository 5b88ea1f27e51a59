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
from storage.data import datasets, openings, uploads
from storage.data.splits import Split
from storage.models import User
from templates import registry


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


def delete(request: gr.Request, subject: str) -> tuple[str, str]:
    """Delete the dataset; an empty subject means that the reader declined."""
    if not subject:
        return CLEAR, ""
    datasets.delete(acting(request), subject.partition(":")[2])
    return done("Deleted."), "data"


def listing(user: User) -> Markup:
    """The user's datasets as a table."""
    found, opened = datasets.of_user(user), openings.counts(user.id)
    if not found:
        return layout.empty("Your datasets appear here. Drop a file above to make the first one.")
    lines = [
        (one, registry.shape(one.shape).title, openings.times(opened[one.id]), data_views.health(one)) for one in found
    ]
    return html("data/listing", datasets=lines)
