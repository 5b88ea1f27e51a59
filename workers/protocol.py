"""The messages between a worker and its child: JSON, one message per line.

The worker writes an `Order` to the child's stdin and later perhaps a `Stop`; the end of that stream
means that the worker is dead, and the child exits at once. The child writes messages to its original
stdout. It has no access to the database or to secrets: its order lists everything it may touch.
"""

from __future__ import annotations

import json
import math
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from templates.spec import BaseFacts


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRef(_Message):
    """A model to load: a base folder, and perhaps an adapter folder on top."""

    name: str
    base_folder: str
    """A base model's folder, or a full-model artifact's."""
    base_revision: str
    adapter_folder: str | None = None
    weights_sha256: str | None = None
    """None for a base model."""

    def as_teacher(self, license: str) -> dict[str, Any]:
        """What is stored with rows that it wrote."""
        known = {"revision": self.base_revision, "weights_sha256": self.weights_sha256, "license": license}
        return {"name": self.name, **known}


class Order(_Message):
    """The order for one attempt at one job; `workers/orders/<kind>.py` adds the kind's own fields."""

    kind: str
    job_id: str
    attempt: int
    name: str
    log_file: str
    """The file to which the child redirects stdout and stderr."""
    threads: int
    staging: str
    """Empty folder of this attempt; the result is sealed here."""
    checkpoints: str = ""
    """Folder of this job's checkpoints, shared by its attempts."""


class Stop(_Message):
    """End the attempt: `keep` publishes the result so far, `discard` drops it, `drain` saves a checkpoint."""

    stop: Literal["keep", "discard", "drain"]


class Ready(_Message):
    """The child has imported what it needs and waits for an order."""

    type: Literal["ready"] = "ready"


class Entered(_Message):
    """A stage began."""

    type: Literal["entered"] = "entered"
    stage: str
    """One of the stages that the kind of job declares."""


class Planned(_Message):
    """Training starts: `start_step` is 0, or the step of the checkpoint that it resumes from."""

    type: Literal["planned"] = "planned"
    start_step: int
    total_steps: int


class Measured(_Message):
    """One point of the charts."""

    type: Literal["measured"] = "measured"
    split: Literal["train", "held_out", "selection"]
    step: int
    values: dict[str, float]
    """By name: `loss` and any other metric. Omits values that are not finite, which JSON can't express."""
    eta_s: float | None = None
    """Seconds to the end of the job at the recent pace."""

    @field_validator("values")
    @classmethod
    def _finite(cls, values: dict[str, float]) -> dict[str, float]:
        return {name: value for name, value in values.items() if math.isfinite(value)}


class Checkpointed(_Message):
    """A checkpoint of this step is sealed on disk."""

    type: Literal["checkpointed"] = "checkpointed"
    step: int


class Noted(_Message):
    """A remark for the job's page: `kind` names it, `data` holds its details."""

    type: Literal["noted"] = "noted"
    kind: str
    data: dict[str, Any]


class Advanced(_Message):
    """The number of planned steps that are done and that another attempt would not repeat."""

    type: Literal["advanced"] = "advanced"
    step: int
    eta_s: float | None = None


class Proceeded(_Message):
    """Progress in a stage that doesn't train: the share that is done, and what is being done."""

    type: Literal["proceeded"] = "proceeded"
    done: float
    words: str
    kept: bool = False
    """Something was sealed that another attempt would not repeat."""


class MadeArtifact(_Message):
    """The staging folder is sealed and may become an artifact."""

    what: Literal["artifact"] = "artifact"
    kind: str
    """Key of its declaration in `templates/artifacts`."""
    manifest_sha256: str
    facts: dict[str, Any]
    """In the form that the declaration defines."""


class MadeDataset(_Message):
    """The staging folder is sealed, and its `file` may become the rows of a dataset."""

    what: Literal["dataset"] = "dataset"
    manifest_sha256: str
    file: str
    """Parquet, as `storage.data.row_files` writes it."""
    dropped_file: str = ""
    """JSON lines, as `storage.data.answers.dropped` writes them; empty if nothing was dropped."""
    teacher: dict[str, Any] | None = None
    """As `Dataset.teacher`."""
    source: str
    """The source, shown instead of a file's name."""
    shape: str
    n_rows: int
    n_held_out: int
    split_seed: int
    instruction: str = ""
    remarks: tuple[dict[str, Any], ...] = ()
    """As `Dataset.remarks`."""


class MadeModel(_Message):
    """The staging folder is sealed, and holds a base model and nothing else."""

    what: Literal["model"] = "model"
    manifest_sha256: str
    source: str
    """As `BaseModelRow.source`; the same holds for the fields below."""
    origin: str
    revision: str
    license: str
    facts: BaseFacts


class Done(_Message):
    """The attempt succeeded."""

    type: Literal["done"] = "done"
    result: dict[str, Any]
    """The job's result; for a training, the verdict."""
    actual: dict[str, Any]
    """`seconds` by stage, `peak_memory_bytes`, `trained_tokens`, `tokens_per_s`, `steps`."""
    opened_held_out: bool = False
    """The result was measured on the dataset's held-out rows, which counts as an opening."""
    made: MadeArtifact | MadeDataset | MadeModel | None = None


class Failed(_Message):
    """The attempt failed for a reason that another try would not fix."""

    type: Literal["failed"] = "failed"
    code: str
    message: str
    remedy: str | None = None


class Stopped(_Message):
    """The child stopped as told by `discard` or `drain`."""

    type: Literal["stopped"] = "stopped"
    why: Literal["discard", "drain"]


Report = Ready | Entered | Planned | Measured | Checkpointed | Advanced | Proceeded | Noted | Done | Failed | Stopped
_REPORTS: dict[str, type[_Message]] = {
    "ready": Ready,
    "entered": Entered,
    "planned": Planned,
    "measured": Measured,
    "checkpointed": Checkpointed,
    "advanced": Advanced,
    "proceeded": Proceeded,
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
    """Parse a line from the child. Raises `ValueError` for an invalid message."""
    document = json.loads(line)
    kind = document.get("type") if isinstance(document, dict) else None
    if kind not in _REPORTS:
        raise ValueError(f"not a message from the child: {line[:80]!r}")
    return _REPORTS[kind].model_validate(document)  # type: ignore[return-value]
