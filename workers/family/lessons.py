"""Teaches the small model by the product's own training: a real order through `workers.programs.train`."""

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
from workers.evaluation.verdict import Verdict
from workers.family.stage import Stage
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Entered, MadeArtifact, Measured, ModelRef, Report, Stop, Stopped

EVERY_S = 10.0
"""Between two lines about the loss."""
Rows = Sequence[Mapping[str, str]]


@dataclass
class _Listening:
    """The worker's side of the conversation: passes on what a person may want to see."""

    stage: Stage
    stop: Stop | None = None
    abandoned: bool = False
    _said: float = field(default_factory=time.monotonic)

    def send(self, report: Report) -> None:
        if isinstance(report, Entered):
            self.stage.say(str(report.stage))
        elif isinstance(report, Measured) and time.monotonic() - self._said >= EVERY_S:
            self._said = time.monotonic()
            self.stage.say(f"step {report.step}: {report.split.replace('_', '-')} loss {report.loss:.3f}")


@dataclass(frozen=True)
class Taught:
    """What a training order came to."""

    verdict: Verdict
    ref: ModelRef
    settings: dict[str, Any]

    def load(self) -> Any:
        """The adapted model as chat would load it."""
        return models.load(self.ref)


def teach(
    stage: Stage, name: str, *, objective: str, shape: str, rows: Rows, held_out: Rows, settings: Mapping[str, Any]
) -> Taught:
    """Train a LoRA adapter on the small model with `rows`; the verdict is taken on all of `held_out`.

    `settings` are a recipe's; what they leave out is as the product advises.
    """
    recipe = compose(objective, "lora", settings={"seed": stage.seed, **settings}, facts=stage.small.facts)
    order = _order(stage, name, recipe, shape, rows, held_out)
    done = train.run(order, _Listening(stage))
    if isinstance(done, Stopped):
        raise RuntimeError("nobody asked this training to stop")
    assert isinstance(done.made, MadeArtifact)
    told = {"objective": objective, "method": "lora", "quantization": recipe.quantization, "rows": len(rows)}
    weights_sha256 = done.made.facts["weights_sha256"]
    ref = order.base.model_copy(update={"adapter_folder": order.staging, "weights_sha256": weights_sha256})
    return Taught(Verdict.model_validate(done.result), ref, {**told, **settings, "steps": done.actual["steps"]})


def _order(stage: Stage, name: str, recipe: Recipe, shape: str, rows: Rows, held_out: Rows) -> TrainingOrder:
    folder = stage.folder / name
    staging, checkpoints = folder / "staging", folder / "checkpoints"
    for made in (staging, checkpoints):
        made.mkdir(parents=True)
    base = ModelRef(
        name=stage.small.folder.name,
        base_folder=str(stage.small.folder),
        base_revision=base_models.revision_of(stage.small.folder),
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
        threads=stage.threads,
        staging=str(staging),
        checkpoints=str(checkpoints),
        base=base,
        base_name=base.name,
        base_source="folder",
        facts=stage.small.facts,
        recipe=recipe,
    )


def _written(path: Path, rows: Rows, held_out: Rows) -> Path:
    marked = [{**row, "held_out": False} for row in rows] + [{**row, "held_out": True} for row in held_out]
    table = [{**row, "source_row": number} for number, row in enumerate(marked, start=1)]
    parquet.write_table(pyarrow.Table.from_pylist(table), path)
    return path
