"""Adapts a bundled model with the product's own training program, `workers.programs.train`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet

from storage.bases import base_models
from templates import registry
from templates.mix import REPLAY_SHARE, Mix
from templates.recipe import Recipe, compose
from workers import models
from workers.evaluation.verdict_document import Verdict
from workers.orders.train import Continued, FurtherData, Teacher, TrainingOrder
from workers.programs import train as program
from workers.protocol import Entered, MadeArtifact, Measured, ModelRef, Report, Stop, Stopped
from workers.workshop.bench.setup import ModelFiles, Setup

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
            what, value = next((one, report.values[one]) for one in ("loss", "reward") if one in report.values)
            self.setup.say(f"step {report.step}: {report.split.replace('_', '-')} {what} {value:.3f}")


@dataclass(frozen=True)
class TrainedAdapter:
    """The result of a training order."""

    verdict: Verdict
    ref: ModelRef
    settings: dict[str, Any]
    actual: dict[str, Any]

    def load(self) -> Any:
        """The adapted model as chat would load it."""
        return models.load(self.ref)


def train(
    setup: Setup,
    name: str,
    *,
    objective: str,
    shape: str,
    rows: Rows,
    held_out: Rows,
    settings: Mapping[str, Any],
    files: ModelFiles | None = None,
    method: str = "lora",
    teacher: Teacher | None = None,
    replayed: Rows = (),
    replayed_shape: str = "prompt_completion",
    replay_share: float = REPLAY_SHARE,
    continued: Continued | None = None,
    eval_rows: int | None = None,
    instruction: str = "",
) -> TrainedAdapter:
    """Train on `rows` with a method, by default LoRA on the small model, and score the result on all of `held_out`.

    `settings` are a recipe's; the others are as the product advises. `replayed` are learned beside the rows. With
    `eval_rows`, the verdict asks so many of the held-out rows for an answer.
    """
    files = files or setup.small
    given = {"seed": setup.seed, **settings}
    recipe = compose(objective, method, settings=given, facts=files.facts, instruction=instruction)
    order = _order(setup, name, files, recipe, shape, _written(setup.folder / name / "rows.parquet", rows, held_out))
    readings = str(setup.folder / "teachers")
    changes: dict[str, Any] = {"teacher": teacher, "teacher_readings": readings, "continued": continued}
    if eval_rows is not None:
        changes["eval_rows"] = eval_rows
    if replayed:
        file = _written(setup.folder / name / "replayed.parquet", replayed, ())
        changes |= {"further": (_own(file, replayed_shape),), "mix": Mix(replayed=(replay_share,))}
    order = order.model_copy(update=changes)
    done = program.run(order, _ProgressChannel(setup))
    if isinstance(done, Stopped):
        raise RuntimeError("nobody asked this training to stop")
    assert isinstance(done.made, MadeArtifact)
    described = {"objective": objective, "method": method, "quantization": recipe.quantization, "rows": len(rows)}
    is_adapter = registry.method(method).trains == "adapter"
    result = {"adapter_folder" if is_adapter else "base_folder": order.staging}
    ref = order.base.model_copy(update={**result, "weights_sha256": done.made.facts["weights_sha256"]})
    said = {**described, **settings, "steps": done.actual["steps"]}
    return TrainedAdapter(Verdict.model_validate(done.result), ref, said, done.actual)


def _own(file: Path, shape: str) -> FurtherData:
    return FurtherData(
        shape=shape, dataset_file=str(file), dataset_name="own rows", dataset_sha256="0" * 64, replayed=True
    )


def _order(setup: Setup, name: str, files: ModelFiles, recipe: Recipe, shape: str, rows: Path) -> TrainingOrder:
    folder = setup.folder / name
    staging, checkpoints = folder / "staging", folder / "checkpoints"
    for made in (staging, checkpoints):
        made.mkdir(parents=True)
    revision = base_models.revision_of(files.folder)
    base = ModelRef(name=files.folder.name, base_folder=str(files.folder), base_revision=revision)
    return TrainingOrder(
        kind="train",
        job_id=name,
        attempt=1,
        name=name,
        log_file=str(folder / "log.txt"),
        shape=shape,
        dataset_file=str(rows),
        dataset_name=name,
        dataset_sha256="0" * 64,
        eval_rows=parquet.read_metadata(rows).num_rows,
        threads=setup.threads,
        staging=str(staging),
        checkpoints=str(checkpoints),
        base=base,
        base_name=base.name,
        base_source="folder",
        facts=files.facts,
        recipe=recipe,
    )


def _written(path: Path, rows: Rows, held_out: Rows) -> Path:
    marked = [{**row, "held_out": False} for row in rows] + [{**row, "held_out": True} for row in held_out]
    path.parent.mkdir(parents=True, exist_ok=True)
    table = [{**row, "source_row": number} for number, row in enumerate(marked, start=1)]
    parquet.write_table(pyarrow.Table.from_pylist(table), path)
    return path
