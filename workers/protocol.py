"""What a worker and its child say to each other: JSON, one message a line.

The worker writes an `Order` to the child's stdin and later perhaps a `Stop`; the end of that stream
means that the worker is dead, and the child exits at once. The child writes messages to the pipe
that was its stdout. The child knows no database and no secret: all it may touch is in its order.
"""

from __future__ import annotations

import json
import math
from typing import IO, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from storage.models import Stage
from templates.recipe import Recipe
from templates.spec import BaseFacts


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRef(_Message):
    """A model to load: a base folder, with an adapter folder on top of it or not."""

    name: str
    base_folder: str
    """A base model's folder, or a full-model artifact's."""
    base_revision: str
    adapter_folder: str | None = None
    weights_sha256: str | None = None
    """None for a base model."""


class Order(_Message):
    """Everything a child needs to know to do one attempt at one job."""

    kind: Literal["train", "evaluate"]
    job_id: str
    attempt: int
    name: str
    log_file: str
    """The child points its stdout and stderr here when it gets the order."""
    shape: str = ""
    dataset_file: str = ""
    """Parquet with the shape's fields and a boolean column `held_out`; empty when a suite is scored on."""
    dataset_name: str = ""
    dataset_sha256: str = ""
    split_seed: int | None = None
    """What the held-out rows were drawn with."""
    held_out_openings: int = 0
    """How often the dataset's held-out side had been opened for a verdict before this job began."""
    eval_rows: int
    forgetting_items: int = 0
    """train: items of each general ability that base and result answer; 0: what was forgotten is not measured."""
    threads: int
    staging: str
    """Empty folder of this attempt; what is published is sealed here."""
    checkpoints: str = ""
    """Folder of this job's checkpoints, shared by its attempts."""
    base: ModelRef | None = None
    base_name: str = ""
    base_source: str = ""
    """`bundled`, `folder` or `hub`."""
    base_origin: str = ""
    base_license: str = ""
    facts: BaseFacts | None = None
    recipe: Recipe | None = None
    models: tuple[ModelRef, ...] = ()
    """evaluate: what to score, the first being the one the others are compared with."""
    suite: str | None = None
    """evaluate: the suite to score on, instead of a dataset's held-out rows."""

    @model_validator(mode="after")
    def _on_something(self) -> Self:
        if bool(self.dataset_file) == (self.suite is not None):
            raise ValueError("an order is about the rows of a dataset or about a suite")
        return self


class Stop(_Message):
    """End the attempt: `keep` publishes what is there, `discard` throws it away, `drain` checkpoints."""

    stop: Literal["keep", "discard", "drain"]


class Ready(_Message):
    """The child has imported what it needs and waits for an order."""

    type: Literal["ready"] = "ready"


class Entered(_Message):
    """A stage began."""

    type: Literal["entered"] = "entered"
    stage: Stage


class Planned(_Message):
    """Training begins: `start_step` is 0, or the step of the checkpoint it resumes from."""

    type: Literal["planned"] = "planned"
    start_step: int
    total_steps: int


class Measured(_Message):
    """One point of the charts."""

    type: Literal["measured"] = "measured"
    split: Literal["train", "held_out", "selection"]
    step: int
    values: dict[str, float]
    """By name: `loss` and any other metric. A value that is no finite number is left out: JSON knows none."""
    eta_s: float | None = None
    """Seconds to the end of the job, from the recent pace of this attempt."""

    @field_validator("values")
    @classmethod
    def _finite(cls, values: dict[str, float]) -> dict[str, float]:
        return {name: value for name, value in values.items() if math.isfinite(value)}


class Checkpointed(_Message):
    """A checkpoint of this step is sealed on disk."""

    type: Literal["checkpointed"] = "checkpointed"
    step: int


class Noted(_Message):
    """Something the job's page should say: `kind` names it, `data` are its particulars."""

    type: Literal["noted"] = "noted"
    kind: str
    data: dict[str, Any]


class Done(_Message):
    """The attempt succeeded. train: the staging folder is sealed and may be published."""

    type: Literal["done"] = "done"
    result: dict[str, Any]
    """train: the verdict. evaluate: the scores."""
    actual: dict[str, Any]
    """`seconds` by stage, `peak_memory_bytes`, `trained_tokens`, `tokens_per_s`, `steps`."""
    opened_held_out: bool = False
    """The result was measured on the dataset's held-out rows: the look is counted."""
    artifact_kind: Literal["adapter", "full_model"] | None = None
    manifest_sha256: str | None = None
    weights_sha256: str | None = None
    size_bytes: int | None = None


class Failed(_Message):
    """The attempt ended for a reason that trying again would not mend."""

    type: Literal["failed"] = "failed"
    code: str
    message: str
    remedy: str | None = None


class Stopped(_Message):
    """The child obeyed a `Stop` of `discard` or `drain`."""

    type: Literal["stopped"] = "stopped"
    why: Literal["discard", "drain"]


Report = Ready | Entered | Planned | Measured | Checkpointed | Noted | Done | Failed | Stopped
_REPORTS: dict[str, type[_Message]] = {
    "ready": Ready,
    "entered": Entered,
    "planned": Planned,
    "measured": Measured,
    "checkpointed": Checkpointed,
    "noted": Noted,
    "done": Done,
    "failed": Failed,
    "stopped": Stopped,
}


def write(stream: IO[bytes], message: BaseModel) -> None:
    """Send one message."""
    stream.write(message.model_dump_json().encode() + b"\n")
    stream.flush()


def parse_report(line: bytes) -> Report:
    """A line from the child. Raises `ValueError` for anything that is not a message."""
    document = json.loads(line)
    kind = document.get("type") if isinstance(document, dict) else None
    if kind not in _REPORTS:
        raise ValueError(f"not a message of the child: {line[:80]!r}")
    return _REPORTS[kind].model_validate(document)  # type: ignore[return-value]
