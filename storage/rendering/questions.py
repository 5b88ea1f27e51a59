"""What the web asks about rows and a base model: see `storage.rendering.limited`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from storage import progress
from storage.rendering import rendered_rows
from storage.rendering.examples import Rendered
from storage.rendering.limited import Model
from storage.rendering.limited_process import GIB, Limits, Question
from storage.rendering.rendered_rows import LengthReport
from storage.rendering.renderer import RENDERING, Renderer, remembered
from templates import registry
from templates.errors import BadInput

Rows = Sequence[Mapping[str, Any]]
QUICK = Limits(memory_bytes=3 * GIB // 2, cpu_s=5, within_s=30.0)
LONG = Limits(memory_bytes=4 * GIB, cpu_s=10, within_s=3600.0)


@contextmanager
def rendering(model: Model, instruction: str) -> Iterator[Renderer]:
    """The model's renderer below this instruction, for a block in which its template runs.

    Loading it comes before the step begins, so that a refusal can tell the tokenizer from the template.
    """
    made = remembered(model.folder, model.revision).instructed(instruction)
    with progress.step(RENDERING):
        yield made


@dataclass(frozen=True)
class Sides:
    """The sequences that an objective makes from one row."""

    rendered: list[Rendered]
    moves_system: bool
    """Whether the row's system text goes before the first user turn."""


@dataclass(frozen=True)
class Shown(Question[Sides]):
    """How the model sees one row."""

    limits = QUICK
    kind = TypeAdapter(Sides)
    model: Model
    shape: str
    row: Mapping[str, Any]
    views: Rows
    """The row as an objective's sequences, in the row's shape."""
    instruction: str
    max_length: int | None
    trains_prompt: bool

    def answer(self) -> Sides:
        """Render every view."""
        with rendering(self.model, self.instruction) as made:
            sides = [
                made.row(self.shape, view, max_length=self.max_length, trains_prompt=self.trains_prompt)
                for view in self.views
            ]
            return Sides(sides, made.moves_system(self.shape, self.row))


@dataclass(frozen=True)
class Longest(Question[int]):
    """Which row has the most tokens."""

    limits = QUICK
    kind = TypeAdapter(int)
    model: Model
    shape: str
    rows: Rows
    instruction: str

    def answer(self) -> int:
        """The index of the longest row; the first one of several."""
        with rendering(self.model, self.instruction) as made:
            rows = progress.through(self.rows, len(self.rows))
            lengths = [self._n_tokens(made, row) for row in rows]
        return max(range(len(lengths)), key=lambda i: lengths[i], default=0)

    def _n_tokens(self, made: Renderer, row: Mapping[str, Any]) -> int:
        try:
            return len(made.row(self.shape, row).ids)
        except BadInput:
            return 0  # a refused row doesn't count as the longest; if shown, it gives its reason


@dataclass(frozen=True)
class Measured(Question[LengthReport]):
    """The lengths of some rows."""

    limits = QUICK
    kind = TypeAdapter(LengthReport)
    model: Model
    shape: str
    rows: Rows
    instruction: str
    max_length: int
    trains_prompt: bool
    objective: str | None = None
    """The objective whose sequences of the rows are measured; None for the rows as they are."""

    def answer(self) -> LengthReport:
        """Render and count every row."""
        with rendering(self.model, self.instruction) as made:
            return rendered_rows.measure(
                made,
                self.shape,
                progress.through(self.rows, len(self.rows)),
                max_length=self.max_length,
                trains_prompt=self.trains_prompt,
                views=registry.objective(self.objective).views if self.objective else None,
            )
