"""The order for an evaluation: models, and the rows or the suite to score them on."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from storage.data import openings
from storage.models import Dataset
from storage.settings import settings
from templates.roles import Role
from workers.materials import model_ref, rows_of
from workers.orders import Claimed
from workers.protocol import ModelRef, Order


class EvaluationOrder(Order):
    """An order to score models on a dataset's held-out rows or on a suite."""

    models: tuple[ModelRef, ...]
    """The others are compared with the first."""
    suite: str | None = None
    """The suite to score on, instead of a dataset's held-out rows."""
    shape: str = ""
    dataset_file: str = ""
    """Parquet with the shape's fields and a boolean column `held_out`; empty when a suite is scored on."""
    dataset_name: str = ""
    dataset_sha256: str = ""
    instruction: str = ""
    """The system text of every row without its own; all models get the same."""
    split_seed: int | None = None
    held_out_openings: int = 0
    """How often the dataset's held-out side had been opened for a verdict before this job started."""
    eval_rows: int

    @model_validator(mode="after")
    def _on_something(self) -> Self:
        if not self.models or bool(self.dataset_file) == (self.suite is not None):
            raise ValueError("models are scored on the rows of a dataset or on a suite")
        return self


ORDER = EvaluationOrder


def order(claimed: Claimed) -> EvaluationOrder:
    """The order for a claimed job."""
    models = [thing for thing in claimed.inputs.all(Role.MODEL) if not isinstance(thing, Dataset)]
    suite = claimed.job.spec.get("suite")
    data = None if suite is not None else claimed.dataset(Role.HELD_OUT)
    return EvaluationOrder(
        **claimed.common,
        **(rows_of(data) if data else {}),
        held_out_openings=openings.of(data) if data else 0,
        models=tuple(model_ref(model) for model in models),
        suite=suite,
        instruction=claimed.job.spec.get("instruction", ""),
        eval_rows=settings().eval_rows,
    )
