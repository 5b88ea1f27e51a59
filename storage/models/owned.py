"""Tables of people and of what they own: files, models, datasets, artifacts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.models.columns import json, new_id


class User(SQLModel, table=True):
    """Somebody who owns things. The local user has no password."""

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    password_hash: str | None = None
    is_admin: bool = False
    """May share base models and see the machines; the local user and the first account are administrators."""
    created_at: float
    removed_at: float | None = None
    """A removed user's row stays, under a name that nobody can choose, because jobs and results refer to it."""


class Credential(SQLModel, table=True):
    """A user's token for another service, encrypted (`storage.credentials`)."""

    owner_id: str = Field(foreign_key="user.id", primary_key=True)
    service: str = Field(primary_key=True)
    """Key of `storage.credentials.SERVICES`, or an endpoint's (`storage.endpoints`)."""
    sealed: str
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
    """None: for all users, bundled with the product or shared by an administrator."""
    name: str
    source: str
    """`bundled`, `folder`, `hub`, `package` (on a Python package index), `gguf` or `zip`."""
    origin: str
    """Bundled name, the folder's, file's or package's name, or the hub id. Never used as a path."""
    revision: str
    """sha256 over the files, or the hub commit."""
    license: str
    location: str
    """Folder relative to the file store, or to `templates/models` when bundled."""
    facts: dict[str, Any] = Field(sa_column=json())
    size_bytes: int = Field(sa_type=BigInteger)
    made_by_job_id: str | None = Field(default=None, foreign_key="job.id")
    """The job that added it; None for bundled models, and for those that were added without a job."""
    created_at: float
    deleted_at: float | None = None

    __table_args__ = (
        UniqueConstraint("owner_id", "name", name="uq_base_model_owner_id_name"),
        UniqueConstraint("made_by_job_id", name="uq_base_model_made_by_job_id"),
        Index(
            "uq_base_model_common_name",
            "name",
            unique=True,
            sqlite_where=text("owner_id IS NULL"),
            postgresql_where=text("owner_id IS NULL"),
        ),
    )

    @property
    def is_shared(self) -> bool:
        """Whether an administrator added it for all users."""
        return self.owner_id is None and self.source != "bundled"


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
    mapping: dict[str, str] = Field(sa_column=json())
    """Row-shape field → column of the file."""
    header: str | None = None
    """Hash of the file's column names (`mappings.header`); None for datasets older than this column."""
    n_rows: int
    n_held_out: int
    split_seed: int = Field(sa_type=BigInteger)
    held_out_file: str | None = None
    """If there are several files, the one whose rows are held out; None: they were drawn with the seed."""
    labels: list[str] = Field(default_factory=list, sa_column=json())
    instruction: str = ""
    """The system text of every row without its own (`templates.instructions`); "" for none."""
    remarks: list[dict[str, Any]] = Field(default_factory=list, sa_column=json())
    """Accepted oddities, shown as remarks: `{"message", "count", "rows"}`."""
    parent_id: str | None = Field(default=None, foreign_key="dataset.id")
    """The version that this one was made from; None: it was made from the file."""
    fixes: list[dict[str, Any]] = Field(default_factory=list, sa_column=json())
    """The changes to the parent's rows: `{"check", "title", "n_dropped", "n_changed"}`, in order.

    `n_added` counts answers that were put back. If rows were dropped for containing the user's words, `words` lists
    the ones found in them.
    """
    made_by_job_id: str | None = Field(default=None, foreign_key="job.id")
    """The job that made the rows; its inputs are their lineage. None: they were uploaded."""
    dropped_sha256: str | None = None
    """Hash of the file with the answers that did not become rows (`storage.data.answers.dropped`); None without any."""
    teacher: dict[str, Any] | None = Field(default=None, sa_column=json(nullable=True))
    """Who gave the answers: `name`, and where known `host`, `revision`, `weights_sha256` and `license`."""
    created_at: float
    deleted_at: float | None = None

    __table_args__ = (
        UniqueConstraint("owner_id", "name", name="uq_dataset_owner_id_name"),
        UniqueConstraint("made_by_job_id", name="uq_dataset_made_by_job_id"),
        Index("ix_dataset_owner_id_created_at", "owner_id", "created_at", "id"),
    )


class Artifact(SQLModel, table=True):
    """A job's published files, in an immutable folder of the file store; its lineage is the job's inputs."""

    id: str = Field(default_factory=new_id, primary_key=True)
    owner_id: str = Field(foreign_key="user.id", index=True)
    name: str
    job_id: str = Field(foreign_key="job.id")
    attempt: int
    kind: str
    """Key of its declaration in `templates/artifacts`."""
    facts: dict[str, Any] = Field(sa_column=json())
    """Facts that only this kind has, in the form of its declaration."""
    location: str
    """Folder relative to the file store."""
    manifest_sha256: str
    size_bytes: int = Field(sa_type=BigInteger)
    duration_s: float
    note: str = ""
    created_at: float
    deleted_at: float | None = None

    __table_args__ = (
        UniqueConstraint("job_id", name="uq_artifact_job_id"),
        Index("ix_artifact_owner_id_created_at", "owner_id", "created_at", "id"),
    )
