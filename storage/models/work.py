"""Tables of jobs: what they use, how they went, what they measured; and of the workers that run them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.models.columns import json, new_id
from storage.models.states import JobState

_IS = "CASE WHEN {} IS NULL THEN 0 ELSE 1 END"


class Job(SQLModel, table=True):
    """One piece of work and all its data."""

    id: str = Field(default_factory=new_id, primary_key=True)
    owner_id: str = Field(foreign_key="user.id", index=True)
    idem_key: str
    name: str
    kind: str
    """Key of its declaration in `templates/jobs` and of its child's program in `workers/programs`."""
    spec: dict[str, Any] = Field(sa_column=json())
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
    estimate: dict[str, Any] | None = Field(default=None, sa_column=json(nullable=True))
    actual: dict[str, Any] | None = Field(default=None, sa_column=json(nullable=True))
    result: dict[str, Any] | None = Field(default=None, sa_column=json(nullable=True))
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
        Index("ix_job_owner_id_created_at", "owner_id", "created_at", "id"),
        Index("ix_job_owner_id_state_created_at", "owner_id", "state", "created_at", "id"),
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
    data: dict[str, Any] = Field(default_factory=dict, sa_column=json())


class JobMetric(SQLModel, table=True):
    """One point of a job's charts; a step trained again after a resume replaces its point."""

    __tablename__ = "job_metric"

    job_id: str = Field(foreign_key="job.id", primary_key=True)
    split: str = Field(primary_key=True)
    """`train`, `held_out` or `selection`."""
    step: int = Field(primary_key=True)
    attempt: int
    values: dict[str, float] = Field(sa_column=json())
    """Values by name: `loss`, the numbers about the training run, and the metrics that its objective declares."""
    at: float

    @property
    def loss(self) -> float | None:
        """Nats per learned token."""
        return self.values.get("loss")


class HeldOutOpening(SQLModel, table=True):
    """A job's verdict or scores on a dataset's held-out rows: one row per successful job."""

    __tablename__ = "held_out_opening"

    job_id: str = Field(foreign_key="job.id", primary_key=True)
    attempt: int
    """The successful attempt."""
    dataset_id: str = Field(foreign_key="dataset.id", index=True)
    at: float


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
    wide_flop_per_s: float | None = None
    """The same for a model wide enough that a processor computes it in 16 bits, if it has the instructions."""
    secret_key: str = ""
    """Fingerprint of the key with which it reads users' tokens; empty if it has none."""
    started_at: float
    seen_at: float
