"""Every table. Times (`…_at`) are seconds since 1970 (UTC) by the database's clock."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> str:
    """A random id that is safe in a path and a URL."""
    return uuid.uuid4().hex[:16]


_IS = "CASE WHEN {} IS NULL THEN 0 ELSE 1 END"


def _json(nullable: bool = False) -> Any:
    return Column(JSON, nullable=nullable)


class JobState(StrEnum):
    """QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED; the last three are final."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


TERMINAL = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class Stage(StrEnum):
    """The activity of a running job."""

    PREPARING = "preparing"
    TRAINING = "training"
    EVALUATING = "evaluating"
    PUBLISHING = "publishing"


class User(SQLModel, table=True):
    """Somebody who owns things. The local user has no password."""

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    password_hash: str | None = None
    created_at: float


class Upload(SQLModel, table=True):
    """An uploaded file, content-addressed in the file store."""

    id: str = Field(default_factory=new_id, primary_key=True)
    owner_id: str = Field(foreign_key="user.id", index=True)
    filename: str
    sha256: str
    size_bytes: int = Field(sa_type=BigInteger)
    created_at: float


class BaseModelRow(SQLModel, table=True):
    """A causal language model that can be adapted: bundled, or added by a user."""

    __tablename__ = "base_model"

    id: str = Field(default_factory=new_id, primary_key=True)
    owner_id: str | None = Field(default=None, foreign_key="user.id")
    """None: bundled with the product, for all users."""
    name: str = Field(unique=True)
    source: str
    """`bundled`, `folder` or `hub`."""
    origin: str
    """Bundled name, the folder's name, or the hub id. Never used as a path."""
    revision: str
    """sha256 over the files, or the hub commit."""
    license: str
    location: str
    """Folder relative to the file store, or to `templates/models` when bundled."""
    facts: dict[str, Any] = Field(sa_column=_json())
    size_bytes: int = Field(sa_type=BigInteger)
    created_at: float
    deleted_at: float | None = None


class Dataset(SQLModel, table=True):
    """Immutable, content-hashed rows of one shape, split into training and held-out rows."""

    id: str = Field(default_factory=new_id, primary_key=True)
    owner_id: str = Field(foreign_key="user.id", index=True)
    name: str
    shape: str
    upload_id: str | None = Field(default=None, foreign_key="upload.id")
    source_filename: str
    sha256: str
    """Hash of the stored rows file, which includes the split."""
    mapping: dict[str, str] = Field(sa_column=_json())
    """Row-shape field → column of the file."""
    header: str | None = None
    """Hash of the file's column names (`mappings.header`); None for datasets older than this column."""
    n_rows: int
    n_held_out: int
    split_seed: int = Field(sa_type=BigInteger)
    held_out_file: str | None = None
    """If there are several files, the one whose rows are held out; None: they were drawn with the seed."""
    labels: list[str] = Field(default_factory=list, sa_column=_json())
    remarks: list[dict[str, Any]] = Field(default_factory=list, sa_column=_json())
    """Accepted oddities, shown as remarks: `{"message", "count", "rows"}`."""
    parent_id: str | None = Field(default=None, foreign_key="dataset.id")
    """The version that this one was made from; None: it was made from the file."""
    fixes: list[dict[str, Any]] = Field(default_factory=list, sa_column=_json())
    """The changes to the parent's rows: `{"check", "title", "n_dropped", "n_changed"}`, in order.

    If rows were dropped for containing the user's words, `words` lists the ones found in them.
    """
    made_by_job_id: str | None = Field(default=None, foreign_key="job.id")
    """The job that made the rows; its inputs are their lineage. None: they were uploaded."""
    created_at: float
    deleted_at: float | None = None

    __table_args__ = (
        UniqueConstraint("owner_id", "name", name="uq_dataset_owner_id_name"),
        UniqueConstraint("made_by_job_id", name="uq_dataset_made_by_job_id"),
    )


class HeldOutOpening(SQLModel, table=True):
    """A job's verdict or scores on a dataset's held-out rows: one row per successful job."""

    __tablename__ = "held_out_opening"

    job_id: str = Field(foreign_key="job.id", primary_key=True)
    attempt: int
    """The successful attempt."""
    dataset_id: str = Field(foreign_key="dataset.id", index=True)
    at: float


class Job(SQLModel, table=True):
    """One piece of work and all its data."""

    id: str = Field(default_factory=new_id, primary_key=True)
    owner_id: str = Field(foreign_key="user.id", index=True)
    idem_key: str
    name: str
    kind: str
    """Key of its declaration in `templates/jobs` and of its child's program in `workers/programs`."""
    spec: dict[str, Any] = Field(sa_column=_json())
    """Instructions for the kind's program, e.g. train: `{"recipe": …}`."""
    spec_sha256: str
    state: str = Field(default=JobState.QUEUED)
    stage: str | None = None
    attempt: int = 0
    lease_owner: str | None = None
    lease_until: float = 0.0
    progress_seq: int = 0
    """Grows with every sign of progress; a second attempt that never moves it is a crash loop."""
    stuck_attempts: int = 0
    """Consecutive attempts lost without progress."""
    step: int = 0
    total_steps: int = 0
    checkpoint_step: int = 0
    eta_s: float | None = None
    cancel_at: float | None = None
    cancel_keep: bool = False
    """On cancel: publish the best checkpoint instead of discarding the work."""
    rung_at: float = 0.0
    error_code: str | None = None
    error: str | None = None
    remedy: str | None = None
    estimate: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    actual: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    result: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    """The outcome, e.g. train: the verdict."""
    artifact_id: str | None = None
    retry_of: str | None = None
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None

    __table_args__ = (
        UniqueConstraint("owner_id", "idem_key", name="uq_job_owner_id_idem_key"),
        Index("ix_job_state_lease_until", "state", "lease_until"),
        Index("ix_job_state_created_at", "state", "created_at"),
    )


class JobInput(SQLModel, table=True):
    """One model or dataset that a job uses, and its role; it can't be deleted before the job ends."""

    __tablename__ = "job_input"

    job_id: str = Field(default="", foreign_key="job.id", primary_key=True)
    role: str = Field(primary_key=True)
    """One of `templates.roles.Role`."""
    position: int = Field(default=0, primary_key=True)
    """Place among the job's inputs of this role."""
    base_model_id: str | None = Field(default=None, foreign_key="base_model.id", index=True)
    dataset_id: str | None = Field(default=None, foreign_key="dataset.id", index=True)
    artifact_id: str | None = Field(default=None, foreign_key="artifact.id", index=True)

    __table_args__ = (
        CheckConstraint(
            " + ".join(map(_IS.format, ("base_model_id", "dataset_id", "artifact_id"))) + " = 1", "one_thing"
        ),
    )


class JobAttempt(SQLModel, table=True):
    """One claim of a job by one worker."""

    __tablename__ = "job_attempt"

    job_id: str = Field(foreign_key="job.id", primary_key=True)
    attempt: int = Field(primary_key=True)
    lease_owner: str
    worker: str
    started_at: float
    ended_at: float | None = None
    outcome: str | None = None
    start_progress_seq: int = 0
    start_step: int | None = None
    """The first step that this attempt trained, after resuming."""
    last_step: int | None = None


class JobEvent(SQLModel, table=True):
    """Append-only history: submitted, claimed, stage, checkpoint, log, requeued, published …"""

    __tablename__ = "job_event"

    id: int | None = Field(default=None, primary_key=True)
    job_id: str = Field(foreign_key="job.id", index=True)
    attempt: int
    at: float
    kind: str
    data: dict[str, Any] = Field(default_factory=dict, sa_column=_json())


class JobMetric(SQLModel, table=True):
    """One point of a job's charts; a step trained again after a resume replaces its point."""

    __tablename__ = "job_metric"

    job_id: str = Field(foreign_key="job.id", primary_key=True)
    split: str = Field(primary_key=True)
    """`train`, `held_out` or `selection`."""
    step: int = Field(primary_key=True)
    attempt: int
    values: dict[str, float] = Field(sa_column=_json())
    """Values by name: `loss`, the numbers about the training run, and the metrics that its objective declares."""
    at: float

    @property
    def loss(self) -> float | None:
        """Nats per learned token."""
        return self.values.get("loss")


class Worker(SQLModel, table=True):
    """A worker process, alive while `seen_at` is fresh."""

    id: str = Field(primary_key=True)
    host: str
    pid: int
    device: str
    """`cpu` or the GPU's name."""
    slots: int
    busy: int = 0
    draining: bool = False
    ready: bool = False
    """Its warm spare has imported torch."""
    memory_total_bytes: int = Field(default=0, sa_type=BigInteger)
    memory_free_bytes: int = Field(default=0, sa_type=BigInteger)
    disk_free_bytes: int = Field(default=0, sa_type=BigInteger)
    flop_per_s: float | None = None
    """Effective training speed, measured at start: 6 × parameters × tokens / s of a short step without LoRA."""
    started_at: float
    seen_at: float


class Artifact(SQLModel, table=True):
    """A job's published files, in an immutable folder of the file store; its lineage is the job's inputs."""

    id: str = Field(default_factory=new_id, primary_key=True)
    owner_id: str = Field(foreign_key="user.id", index=True)
    name: str
    job_id: str = Field(foreign_key="job.id")
    attempt: int
    kind: str
    """Key of its declaration in `templates/artifacts`."""
    facts: dict[str, Any] = Field(sa_column=_json())
    """Facts that only this kind has, in the form of its declaration."""
    location: str
    """Folder relative to the file store."""
    manifest_sha256: str
    size_bytes: int = Field(sa_type=BigInteger)
    duration_s: float
    note: str = ""
    created_at: float
    deleted_at: float | None = None

    __table_args__ = (UniqueConstraint("job_id", name="uq_artifact_job_id"),)
