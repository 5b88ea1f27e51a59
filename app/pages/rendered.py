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
from storage.rendering import limited, rendered_rows
from storage.rendering.questions import Longest, Shown, Sides
from templates import registry
from templates.errors import BadInput
from templates.spec import Objective, View

SAMPLE_ROWS = 1000
"""Rows of a new file to inspect; the whole dataset is measured before launch."""
LENGTH = 512


@dataclass(frozen=True)
class Sample:
    """Rows to look at, in their shape."""

    shape: str
    rows: Sequence[Mapping[str, Any]]
    n_rows: int
    """Number of rows in the whole file or dataset."""
    instruction: str = ""
    """The system text of every row without its own."""

    @property
    def extent(self) -> str:
        """The number of rows that can be shown, and a note if they are not all."""
        sampled = len(self.rows) == SAMPLE_ROWS < self.n_rows
        return f"{'the first ' if sampled else ''}{count(len(self.rows))}"


def of_upload(
    user: User, upload_id: str, shape: str, mapping: Mapping[str, str | Sequence[str]], instruction: str
) -> Sample:
    """The first rows of an upload, mapped as chosen, below this instruction."""
    upload = uploads.get(user, upload_id)
    seen = datasets.preview(user, upload, shape=shape, mapping=dict(mapping), limit=SAMPLE_ROWS)
    return Sample(shape, seen.rows, seen.look.n_rows, instruction)


def of_dataset(dataset: Dataset, instruction: str | None = None) -> Sample:
    """The training rows of a dataset, below its own instruction or another one."""
    rows = datasets.rows(dataset, side="training", most=SAMPLE_ROWS)
    return Sample(dataset.shape, rows, dataset.n_rows, dataset.instruction if instruction is None else instruction)


def cut_at(shape: str, length: int) -> int | None:
    """Where a row of this shape is cut; plain texts are split instead, and lose nothing."""
    return length if registry.shape(shape).messages is not None else None


def trains_prompt(shape: str) -> bool:
    """Whether the goal that takes this shape learns every token."""
    return next((objective.trains_prompt for objective in registry.objectives_for(shape)), False)


def row_html(base: BaseModelRow, sample: Sample, index: int, length: int, objective: Objective | None = None) -> Markup:
    """The row at `index`, rendered for `base` and cut at `length` tokens, as `objective` reads it."""
    if not sample.rows:
        return html("plain", words="No row can be read with these choices.")
    learns_all = objective.trains_prompt if objective else trains_prompt(sample.shape)
    row = sample.rows[index]
    views = objective.views(row) if objective else _sides(sample.shape, row)
    model = base_models.model(base)
    instead = objective.instead_on(registry.shape(sample.shape)) if objective else ""
    place = f"Row {count(index + 1)} of {sample.extent}"
    cut = cut_at(sample.shape, length)
    try:
        wanted = [view.row for view in views]
        seen = limited.ask(model, Shown(model, sample.shape, row, wanted, sample.instruction.strip(), cut, learns_all))
    except BadInput as error:
        problem = error.problems[0]
        why = f"This row is refused: {problem.message} {problem.remedy or ''}"
        return html("data/row", place=place, why=why.strip())
    return html(
        "data/row",
        place=place,
        why="",
        sides=list(zip(views, seen.rendered, strict=True)),
        length=length,
        is_bad=registry.shape(sample.shape).rejected(row) is row,
        notes=_notes(seen),
        instead=instead,
        unlearned="" if instead or all(side.n_trained for side in seen.rendered) else _unlearned(sample.shape),
    )


def _sides(shape: str, row: Mapping[str, Any]) -> tuple[View, ...]:
    """The row before any goal is chosen: of a pair, both answers."""
    other = registry.shape(shape).rejected(row)
    if other is None or other is row:
        return (View("", row, wanted=other is None),)
    return View("Chosen", row), View("Rejected", other, wanted=False)


def _notes(seen: Sides) -> list[str]:
    """What the chat template does to this row."""
    found = [rendered_rows.LAST_ONLY] if any(side.is_last_only for side in seen.rendered) else []
    return found + ([rendered_rows.SYSTEM_MOVED] if seen.moves_system else [])


def _unlearned(shape: str) -> str:
    """The message for a row without a learned token."""
    if not registry.shape(shape).has_answers:
        return "Prompts without answers: a model learns nothing from them alone."
    return "The model would learn nothing from this row: it is refused."


def moved(base: BaseModelRow, sample: Sample, index: int, way: str) -> int:
    """The row that “next”, “previous”, “random” or “longest” leads to."""
    last = max(0, len(sample.rows) - 1)
    if way == "longest":
        model = base_models.model(base)
        return limited.ask(model, Longest(model, sample.shape, sample.rows, sample.instruction.strip()))
    if way == "random":
        return random.randint(0, last)
    return min(max(0, index + (1 if way == "next" else -1 if way == "previous" else 0)), last)
