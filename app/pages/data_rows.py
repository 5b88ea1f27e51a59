"""One row of a file or dataset as a base model sees it, and the lengths of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.pages import data_views, rendered
from app.pages.alerts import in_turn
from app.pages.mapping import chosen
from app.pages.who import acting
from storage.bases import base_models
from storage.data import datasets
from storage.models import BaseModelRow


@dataclass(frozen=True)
class Looked:
    """What the page looks at, in the order of its inputs: which rows, as which base model sees them."""

    base: BaseModelRow
    sample: rendered.Sample
    cut: int
    index: int

    @classmethod
    def of(
        cls,
        request: gr.Request,
        subject: str,
        base: str,
        length: float,
        index: float,
        instruction: str,
        shape: str,
        *slots: Any,
    ) -> Looked:
        """Read the inputs. `subject` is `data:ID` or `upload:ID`."""
        user = acting(request)
        kind, _, key = subject.partition(":")
        sample = (
            rendered.of_dataset(datasets.get(user, key))
            if kind == "data"
            else rendered.of_upload(user, key, shape, chosen(shape, slots), instruction)
        )
        return cls(base_models.get(user, base), sample, int(length or 0) or rendered.LENGTH, int(index))


def show_row(request: gr.Request, subject: str, *inputs: Any) -> tuple[Any, str]:
    """The row at the index as the base model will see it."""
    if not subject:
        return gr.skip(), ""
    at = Looked.of(request, subject, *inputs)
    return gr.skip(), rendered.row_html(at.base, at.sample, at.index, at.cut)


def show_lengths(request: gr.Request, subject: str, *inputs: Any) -> tuple[Any, str]:
    """How long the rows are, and how many would be cut or refused."""
    if not subject:
        return gr.skip(), ""
    at = Looked.of(request, subject, *inputs)
    return gr.skip(), data_views.lengths(at.base, at.sample, at.cut)


def mover(way: str) -> Any:
    """The handler that leads to another row."""

    @in_turn(3)
    def move(request: gr.Request, subject: str, *inputs: Any) -> tuple[Any, int, str]:
        at = Looked.of(request, subject, *inputs)
        index = rendered.moved(at.base, at.sample, at.index, way)
        return gr.skip(), index, rendered.row_html(at.base, at.sample, index, at.cut)

    return move
