"""One row of a file or dataset as a base model sees it, and the lengths of all rows."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.pages import data_views, rendered
from app.pages.alerts import guarded
from app.pages.mapping import chosen
from app.pages.who import acting
from storage.bases import base_models
from storage.data import datasets
from storage.models import User


def _sample(user: User, subject: str, instruction: str, shape: str, slots: tuple[Any, ...]) -> rendered.Sample:
    kind, _, key = subject.partition(":")
    if kind == "data":
        return rendered.of_dataset(datasets.get(user, key))
    return rendered.of_upload(user, key, shape, chosen(shape, slots), instruction)


def show_row(
    request: gr.Request,
    subject: str,
    base: str,
    length: float,
    index: float,
    instruction: str,
    shape: str,
    *slots: Any,
) -> tuple[Any, str]:
    """The row at `index` as the base model will see it."""
    if not subject:
        return gr.skip(), ""
    user = acting(request)
    sample = _sample(user, subject, instruction, shape, slots)
    return gr.skip(), rendered.row_html(
        base_models.get(user, base), sample, int(index), int(length or 0) or rendered.LENGTH
    )


def show_lengths(
    request: gr.Request,
    subject: str,
    base: str,
    length: float,
    _index: float,
    instruction: str,
    shape: str,
    *slots: Any,
) -> tuple[Any, str]:
    """How long the rows are, and how many would be cut or refused."""
    if not subject:
        return gr.skip(), ""
    user = acting(request)
    sample = _sample(user, subject, instruction, shape, slots)
    return gr.skip(), data_views.lengths(base_models.get(user, base), sample, int(length or 0) or rendered.LENGTH)


def mover(way: str) -> Any:
    """The handler that leads to another row."""

    @guarded(3)
    def move(
        request: gr.Request,
        subject: str,
        base: str,
        length: float,
        index: float,
        instruction: str,
        shape: str,
        *slots: Any,
    ) -> tuple[Any, int, str]:
        user = acting(request)
        row, sample = base_models.get(user, base), _sample(user, subject, instruction, shape, slots)
        cut = int(length or 0) or rendered.LENGTH
        at = rendered.moved(row, sample, int(index), way)
        return gr.skip(), at, rendered.row_html(row, sample, at, cut)

    return move
