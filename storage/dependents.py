"""What was made from a dataset or a model, or uses it now: to be named before somebody deletes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from storage import db, job_inputs
from storage.job_inputs import Thing
from storage.models import TERMINAL, Artifact, Dataset, Job, JobInput, User
from templates.quantities import plural
from templates.roles import Role

NAMED = 5
"""Names in a sentence before it only counts the rest."""


@dataclass(frozen=True)
class Dependents:
    """What depends on one dataset or model: the names of the reader's own, and how many there are of others'."""

    jobs: tuple[str, ...]
    """Jobs that have not ended; while there are any, nothing is deleted."""
    results: tuple[str, ...]
    """Published results of jobs that used it."""
    datasets: tuple[str, ...]
    """Datasets made from it: versions, or a model's answers."""
    n_foreign_jobs: int = 0
    n_foreign_results: int = 0
    """Other people's, which only a shared model can have."""

    def sentences(self) -> list[str]:
        """What happens to each of them, in words."""
        found = []
        if self.jobs:
            found.append(f"It can't be deleted yet: {_used(self.jobs, 'job')} it. Wait for the end, or cancel.")
        elif self.n_foreign_jobs:
            jobs, use = plural(self.n_foreign_jobs, "job"), "uses" if self.n_foreign_jobs == 1 else "use"
            found.append(f"It can't be deleted yet: {jobs} of other people {use} it. Wait for the end.")
        if self.results:
            found.append(f"{_made(self.results, 'result')} from it; {_stay(self.results)} and can still be used.")
        if self.n_foreign_results:
            were, stay = ("was", "it stays") if self.n_foreign_results == 1 else ("were", "they stay")
            results = plural(self.n_foreign_results, "result")
            found.append(f"{results} of other people {were} made from it; {stay} and can still be used.")
        if self.datasets:
            found.append(f"{_made(self.datasets, 'dataset')} from it; {_stay(self.datasets)}.")
        return found or ["Nothing else depends on it."]


def of(user: User, thing: Thing) -> Dependents:
    """Everything that depends on `thing`, as `user` may see it."""
    users = select(JobInput.job_id).where(job_inputs.reference(thing) == thing.id)
    with db.reading() as session:
        using = select(Job.name, Job.owner_id).where(col(Job.id).in_(users), col(Job.state).not_in(TERMINAL))
        made = select(Artifact.name, Artifact.owner_id).where(
            col(Artifact.job_id).in_(users), col(Artifact.deleted_at).is_(None)
        )
        jobs, results = session.exec(using).all(), session.exec(made).all()
        return Dependents(
            jobs=_own(user, jobs),
            results=_own(user, results),
            datasets=_datasets(session, user, thing),
            n_foreign_jobs=sum(owner != user.id for _, owner in jobs),
            n_foreign_results=sum(owner != user.id for _, owner in results),
        )


def _own(user: User, found: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(sorted(name for name, owner in found if owner == user.id))


def _datasets(session: Session, user: User, thing: Thing) -> tuple[str, ...]:
    """The versions of a dataset, or the user's datasets of a model's answers."""
    live = select(Dataset.name).where(Dataset.owner_id == user.id, col(Dataset.deleted_at).is_(None))
    if isinstance(thing, Dataset):
        made = live.where(Dataset.parent_id == thing.id)
    else:
        answered = select(JobInput.job_id).where(job_inputs.reference(thing) == thing.id)
        made = live.where(col(Dataset.made_by_job_id).in_(answered))
    return tuple(session.exec(made.order_by(Dataset.name)))


def trained_on(user: User, model_ids: Collection[str]) -> dict[str, list[str]]:
    """The names of the user's results by the id of the model that they were trained on; newest first."""
    on = col(JobInput.base_model_id), col(JobInput.artifact_id)
    query = (
        select(JobInput.base_model_id, JobInput.artifact_id, Artifact.name)
        .join(Artifact, col(Artifact.job_id) == JobInput.job_id)
        .where(
            JobInput.role == Role.BASE,
            on[0].in_(model_ids) | on[1].in_(model_ids),
            Artifact.owner_id == user.id,
            col(Artifact.deleted_at).is_(None),
        )
        .order_by(col(Artifact.created_at).desc(), col(Artifact.id).desc())
    )
    found: dict[str, list[str]] = defaultdict(list)
    with db.reading() as session:
        for base_id, artifact_id, name in session.exec(query):
            found[base_id or artifact_id or ""].append(name)
    return dict(found)


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
