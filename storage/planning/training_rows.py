"""What planning a training asks about all rows of a dataset: see `storage.planning.figures`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from storage import progress
from storage.data import row_files, selection, splits
from storage.planning import apart, detectable
from storage.planning.apart import Judged
from storage.planning.detectable import Detectable
from storage.rendering import rendered_rows
from storage.rendering.limited import Model
from storage.rendering.limited_process import Question
from storage.rendering.questions import LONG, rendering
from storage.rendering.rendered_rows import LengthReport
from templates import registry

STAND_IN = " a"
"""About one token."""


@dataclass(frozen=True)
class TrainingLengths(Question[LengthReport]):
    """The lengths of the rows to learn from."""

    limits = LONG
    kind = TypeAdapter(LengthReport)
    model: Model
    file: Path
    shape: str
    split_seed: int
    chooses: bool
    """Whether some training rows are set aside to make choices on."""
    objective: str
    max_length: int
    instruction: str
    without: tuple[int, ...] = ()
    """Numbers of rows that are not learned, see `storage.planning.apart`."""
    replayed: bool = False
    """Of conversations only answers are learned, whatever the objective."""
    written: int = 0
    """About so many tokens does a teacher answer to each row; they count where a row has no answer of its own."""

    def answer(self) -> LengthReport:
        """Render and count every row."""
        learned = registry.objective(self.objective)
        with rendering(self.model, self.instruction) as made:
            shape, rows = self._learned()
            return rendered_rows.measure(
                made,
                shape,
                progress.through(rows, len(rows)),
                max_length=self.max_length,
                trains_prompt=learned.trains_prompt and not self.replayed,
                views=learned.views,
            )

    def _learned(self) -> tuple[str, list[dict[str, Any]]]:
        """The rows and their shape, with a stand-in for each answer that a teacher has yet to write."""
        shape, rows = registry.shape(self.shape), self._rows()
        if not self.written or shape.has_answers or shape.messages is None:
            return self.shape, rows
        answer = {"role": "assistant", "content": STAND_IN * self.written}
        return "messages", [{**row, "messages": [*shape.messages(row), answer]} for row in rows]

    def _rows(self) -> list[dict[str, Any]]:
        if self.chooses:
            rows = selection.divided(self.file, registry.shape(self.shape), self.split_seed).training
        else:
            rows = row_files.read(self.file, held_out=False)
        left_out = set(self.without)
        return [row for row in rows if row["source_row"] not in left_out] if left_out else rows

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """What the answer depends on."""
        named = ("shape", "split_seed", "chooses", "objective", "max_length", "instruction")
        about = {name: getattr(self, name) for name in named}
        about |= {"written": self.written} if self.written else {}
        about |= {"replayed": True} if self.replayed else {}
        about |= {"without": self.without} if self.without else {}
        return {**about, "model": self.model.key, "rows": self.file.name}


@dataclass(frozen=True)
class LeftOut(Question[list[int]]):
    """The numbers of a dataset's training rows that ask what the result will be asked."""

    limits = LONG
    kind = TypeAdapter(list[int])
    file: Path
    shape: str
    judged: Judged

    def answer(self) -> list[int]:
        """Compare every training row with every judged prompt."""
        with progress.step("Comparing with held-out rows"):
            return apart.left_out(self.file, self.shape, self.judged)

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """What the answer depends on."""
        return {"rows": self.file.name, "shape": self.shape, "judged": self.judged.depends_on}


@dataclass(frozen=True)
class WhatCanShow(Question[Detectable | None]):
    """What the held-out rows could show; None for plain text."""

    limits = LONG
    kind = TypeAdapter(Detectable | None)
    file: Path
    shape: str
    eval_rows: int

    def answer(self) -> Detectable | None:
        """Group similar held-out rows, and count the groups."""
        from storage.data.rows import resampled  # needed late: the web process starts faster and smaller without it

        shape = registry.shape(self.shape)
        if shape.messages is None:
            return None
        held_out = row_files.read(self.file, held_out=True)[: self.eval_rows]
        if self.file.stat().st_size > splits.GROUPED_BYTES:
            return detectable.of(len(held_out), len(held_out))
        with progress.step("Grouping similar rows"):
            training, documents = row_files.read(self.file, held_out=False), row_files.documents(self.file)
            grouping = resampled.grouping(shape, held_out, training, documents)
        return detectable.of(len(held_out), grouping.n_groups)

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """What the answer depends on."""
        return {"rows": self.file.name, "shape": self.shape, "eval_rows": self.eval_rows}
