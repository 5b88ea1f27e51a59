"""One row as the model will see it: the exact text, with the learned tokens tinted."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.formats import count
from app.markup import html
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.models import BaseModelRow, Dataset, User
from storage.rendering import rendered_rows
from storage.rendering.renderer import remembered
from templates import registry
from templates.errors import BadInput

SAMPLE_ROWS = 1000
"""Rows of a fresh file that are looked at; the whole dataset is measured before launch."""
LENGTH = 512


@dataclass(frozen=True)
class Sample:
    """Rows to look at, in their shape."""

    shape: str
    rows: Sequence[Mapping[str, Any]]
    n_rows: int
    """Of the whole file or dataset."""

    @property
    def extent(self) -> str:
        """How many rows can be looked at, and that they are not all when they are not."""
        sampled = len(self.rows) == SAMPLE_ROWS < self.n_rows
        return f"{'the first ' if sampled else ''}{count(len(self.rows))}"


def of_upload(user: User, upload_id: str, shape: str, mapping: Mapping[str, str]) -> Sample:
    """The first rows of an upload, mapped as chosen."""
    upload = uploads.get(user, upload_id)
    seen = datasets.preview(user, upload, shape=shape, mapping=dict(mapping), limit=SAMPLE_ROWS)
    return Sample(shape, seen.rows, seen.look.n_rows)


def of_dataset(dataset: Dataset) -> Sample:
    """The training rows of a dataset."""
    return Sample(dataset.shape, datasets.rows(dataset, side="training")[:SAMPLE_ROWS], dataset.n_rows)


def renderer(base: BaseModelRow) -> rendered_rows.Renderer:
    """The base model's renderer: the one that plans are made with."""
    return remembered(str(base_models.folder(base)), base.revision)


def cut_at(shape: str, length: int) -> int | None:
    """Where a row of this shape is cut; plain texts are divided instead, and nothing of them is lost."""
    return length if registry.shape(shape).messages is not None else None


def trains_prompt(shape: str) -> bool:
    """Whether the goal that takes this shape learns every token."""
    return next((objective.trains_prompt for objective in registry.objectives_for(shape)), False)


def row_html(base: BaseModelRow, sample: Sample, index: int, length: int, *, whole: bool | None = None) -> Markup:
    """The row at `index`, rendered for `base` and cut at `length` tokens."""
    if not sample.rows:
        return html("plain", words="No row can be read with these choices.")
    row = sample.rows[index]
    place = f"Row {count(index + 1)} of {sample.extent}"
    try:
        made = renderer(base).row(
            sample.shape,
            row,
            max_length=cut_at(sample.shape, length),
            trains_prompt=trains_prompt(sample.shape) if whole is None else whole,
        )
    except BadInput as error:
        problem = error.problems[0]
        why = f"This row is refused: {problem.message} {problem.remedy or ''}"
        return html("data/row", place=place, why=why.strip())
    is_bad = registry.shape(sample.shape).rejected(row) is row
    return html("data/row", place=place, why="", row=made, length=length, is_bad=is_bad)


def moved(base: BaseModelRow, sample: Sample, index: int, way: str) -> int:
    """Where “next”, “previous”, “random” and “longest” lead."""
    last = max(0, len(sample.rows) - 1)
    if way == "longest":
        return max(range(last + 1), key=lambda i: _tokens(base, sample, i))
    if way == "random":
        return random.randint(0, last)
    return min(max(0, index + (1 if way == "next" else -1 if way == "previous" else 0)), last)


def _tokens(base: BaseModelRow, sample: Sample, index: int) -> int:
    try:
        return len(renderer(base).row(sample.shape, sample.rows[index]).ids)
    except BadInput:
        return 0  # a refused row is not the longest; shown, it says why it is refused
