"""What to know of judged answers before a training on them: how many are good, and what would mislead the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from storage import progress
from storage.data import datasets, row_files
from storage.models import Dataset
from storage.planning import figures
from storage.planning.dataset_figures import is_small, owner
from storage.rendering.limited_process import Question
from storage.rendering.questions import LONG
from templates import registry
from templates.recipe import Recipe

CHECKS = ("length_bias", "contradicting_judgements")
"""Checks of the health report that are repeated before a launch: they decide what is learned."""


class JudgedRows(BaseModel):
    """The training side of a dataset of judged answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_good: int
    n_bad: int
    misleading: tuple[str, ...]
    """What the checks found, in sentences."""


@dataclass(frozen=True)
class WhatMisleads(Question[JudgedRows]):
    """Counts judgements and looks for what would mislead a model that learns them."""

    limits = LONG
    kind = TypeAdapter(JudgedRows)
    file: Path
    shape: str

    def answer(self) -> JudgedRows:
        """Read all training rows."""
        from storage.data.health import report  # needed late: the web process starts faster and smaller without them
        from storage.data.rows.rows import Rows

        shape = registry.shape(self.shape)
        rows = row_files.read(self.file, held_out=False)
        with progress.step("Looking at the judgements"):
            read = Rows.of(shape, rows)
            found = [(check, check.find(read)) for key in CHECKS if (check := report.checks()[key]).able(read)]
        n_bad = sum(shape.rejected(row) is not None for row in rows)
        n_alone = sum(shape.rejected(row) is row for row in rows)
        said = tuple(f"{check.title}: {one.says} {check.why}" for check, one in found if one is not None)
        return JudgedRows(n_good=len(rows) - n_alone, n_bad=n_bad, misleading=said)

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """What the answer depends on."""
        return {"rows": self.file.name, "shape": self.shape}


def sentences(dataset: Dataset, recipe: Recipe, *, patient: bool) -> tuple[str, ...]:
    """What to know before this training; empty for objectives that don't learn from judgements.

    Raises `BadInput` if the objective can't learn from so many good and bad answers.
    """
    learned = registry.objective(recipe.objective)
    if not learned.learns_judgements or not registry.shape(dataset.shape).judged:
        return ()
    file = datasets.file(dataset)
    question = WhatMisleads(file, dataset.shape)
    found = figures.of(owner(dataset), question, question.depends_on, is_small=is_small(file), patient=patient)
    counts = learned.of_judgements(recipe.training(), found.n_good, found.n_bad)
    return (*([counts] if counts else []), *found.misleading)
