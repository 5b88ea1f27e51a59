"""Adapts the small model with the product's own training program, `workers.programs.train`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet

from storage.bases import base_models
from templates.recipe import Recipe, compose
from workers import models
from workers.evaluation.verdict_document import Verdict
from workers.orders.train import TrainingOrder
from workers.programs import train as program
from workers.protocol import Entered, MadeArtifact, Measured, ModelRef, Report, Stop, Stopped
from workers.workshop.bench.setup import Setup

EVERY_S = 10.0
"""Between two lines about the loss."""
Rows = Sequence[Mapping[str, Any]]


@dataclass
class _ProgressChannel:
    """Stands in for the worker and prints progress."""

    setup: Setup
    stop: Stop | None = None
    abandoned: bool = False
    _said: float = field(default_factory=time.monotonic)

    def send(self, report: Report) -> None:
        if isinstance(report, Entered):
            self.setup.say(str(report.stage))
        elif isinstance(report, Measured) and time.monotonic() - self._said >= EVERY_S:
            self._said = time.monotonic()
            self.setup.say(f"step {report.step}: {report.split.replace('_', '-')} loss {report.values['loss']:.3f}")


@dataclass(frozen=True)
class TrainedAdapter:
    """The result of a training order."""

    verdict: Verdict
    ref: ModelRef
    settings: dict[str, Any]

    def load(self) -> Any:
        """The adapted model as chat would load it."""
        return models.load(self.ref)


def train(
    setup: Setup, name: str, *, objective: str, shape: str, rows: Rows, held_out: Rows, settings: Mapping[str, Any]
) -> TrainedAdapter:
    """Train a LoRA adapter on the small model with `rows`, and score it on all of `held_out`.

    `settings` are a recipe's; the others are as the product advises.
    """
    recipe = compose(objective, "lora", settings={"seed": setup.seed, **settings}, facts=setup.small.facts)
    order = _order(setup, name, recipe, shape, rows, held_out)
    done = program.run(order, _ProgressChannel(setup))
    if isinstance(done, Stopped):
        raise RuntimeError("nobody asked this training to stop")
    assert isinstance(done.made, MadeArtifact)
    described = {"objective": objective, "method": "lora", "quantization": recipe.quantization, "rows": len(rows)}
    weights_sha256 = done.made.facts["weights_sha256"]
    ref = order.base.model_copy(update={"adapter_folder": order.staging, "weights_sha256": weights_sha256})
    return TrainedAdapter(
        Verdict.model_validate(done.result), ref, {**described, **settings, "steps": done.actual["steps"]}
    )


def _order(setup: Setup, name: str, recipe: Recipe, shape: str, rows: Rows, held_out: Rows) -> TrainingOrder:
    folder = setup.folder / name
    staging, checkpoints = folder / "staging", folder / "checkpoints"
    for made in (staging, checkpoints):
        made.mkdir(parents=True)
    base = ModelRef(
        name=setup.small.folder.name,
        base_folder=str(setup.small.folder),
        base_revision=base_models.revision_of(setup.small.folder),
    )
    return TrainingOrder(
        kind="train",
        job_id=name,
        attempt=1,
        name=name,
        log_file=str(folder / "log.txt"),
        shape=shape,
        dataset_file=str(_written(folder / "rows.parquet", rows, held_out)),
        dataset_name=name,
        dataset_sha256="0" * 64,
        eval_rows=len(held_out),
        threads=setup.threads,
        staging=str(staging),
        checkpoints=str(checkpoints),
        base=base,
        base_name=base.name,
        base_source="folder",
        facts=setup.small.facts,
        recipe=recipe,
    )


def _written(path: Path, rows: Rows, held_out: Rows) -> Path:
    marked = [{**row, "held_out": False} for row in rows] + [{**row, "held_out": True} for row in held_out]
    table = [{**row, "source_row": number} for number, row in enumerate(marked, start=1)]
    parquet.write_table(pyarrow.Table.from_pylist(table), path)
    return path
