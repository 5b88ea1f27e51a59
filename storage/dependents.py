"""What was made from a dataset or an artifact, or uses it now: to be named before somebody deletes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from storage import db
from storage.models import TERMINAL, Artifact, Dataset, Job, JobInput
from templates.quantities import plural

NAMED = 5
"""Names in a sentence before it only counts the rest."""


@dataclass(frozen=True)
class Dependents:
    """The names of what depends on one dataset or artifact."""

    jobs: tuple[str, ...]
    """Jobs that have not ended; while there are any, nothing is deleted."""
    results: tuple[str, ...]
    """Published results of jobs that used it."""
    versions: tuple[str, ...]
    """Datasets made from it."""

    def sentences(self) -> list[str]:
        """What happens to each of them, in words."""
        found = []
        if self.jobs:
            found.append(f"It can't be deleted yet: {_used(self.jobs, 'job')} it. Wait for the end, or cancel.")
        if self.results:
            found.append(f"{_made(self.results, 'result')} from it; {_stay(self.results)} and can still be used.")
        if self.versions:
            found.append(f"{_made(self.versions, 'dataset')} from it; {_stay(self.versions)}.")
        return found or ["Nothing else depends on it."]


def of(thing: Dataset | Artifact) -> Dependents:
    """Everything of its owner's that depends on `thing`."""
    column = col(JobInput.dataset_id if isinstance(thing, Dataset) else JobInput.artifact_id)
    with db.reading() as session:
        users = select(JobInput.job_id).where(column == thing.id)
        using = select(Job.name).where(col(Job.id).in_(users), col(Job.state).not_in(TERMINAL))
        made = select(Artifact.name).where(col(Artifact.job_id).in_(users), col(Artifact.deleted_at).is_(None))
        return Dependents(
            jobs=tuple(session.exec(using.order_by(Job.name))),
            results=tuple(session.exec(made.order_by(Artifact.name))),
            versions=_versions(session, thing),
        )


def _versions(session: Session, thing: Dataset | Artifact) -> tuple[str, ...]:
    if not isinstance(thing, Dataset):
        return ()
    made = select(Dataset.name).where(Dataset.parent_id == thing.id, col(Dataset.deleted_at).is_(None))
    return tuple(session.exec(made.order_by(Dataset.name)))


def _names(names: Sequence[str]) -> str:
    shown = [f"“{name}”" for name in names[:NAMED]]
    rest = len(names) - NAMED
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def _used(names: Sequence[str], noun: str) -> str:
    return f"{plural(len(names), noun)} ({_names(names)}) {'uses' if len(names) == 1 else 'use'}"


def _made(names: Sequence[str], noun: str) -> str:
    return f"{plural(len(names), noun)} ({_names(names)}) {'was' if len(names) == 1 else 'were'} made"


def _stay(names: Sequence[str]) -> str:
    return "it stays" if len(names) == 1 else "they stay"
