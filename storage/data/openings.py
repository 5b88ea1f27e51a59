"""Counts how often a held-out side was opened for a verdict.

Every look at a verdict that leads to another try makes a lucky result likelier, so the studio counts the
looks and shows them. A version of a dataset keeps its parent's split: fixes drop or rewrite rows, but no row
changes sides. So openings count for a dataset together with all its versions, and with the owner's other
datasets that store exactly the same rows and split. Deleting one of them resets nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlmodel import Session, col, select

from storage import db
from storage.models import Dataset, HeldOutOpening, JobInput
from templates.roles import Role


def record(session: Session, *, job_id: str, attempt: int, dataset_id: str) -> None:
    """Note that a job's verdict opened the held-out side, in the transaction that ends the job."""
    session.add(HeldOutOpening(job_id=job_id, attempt=attempt, dataset_id=dataset_id, at=db.clock(session)))


def of(dataset: Dataset) -> int:
    """The number of times that the dataset's held-out side was opened."""
    return counts(dataset.owner_id)[dataset.id]


def counts(owner_id: str) -> dict[str, int]:
    """Dataset id → openings of its held-out side, for all datasets of the owner, deleted ones too."""
    mine = select(Dataset.id, Dataset.parent_id, Dataset.sha256).where(Dataset.owner_id == owner_id)
    opened = select(HeldOutOpening.dataset_id).join(Dataset).where(Dataset.owner_id == owner_id)
    learned_too = (
        select(Dataset.id)
        .join(JobInput, col(JobInput.dataset_id) == Dataset.id)
        .join(HeldOutOpening, col(HeldOutOpening.job_id) == JobInput.job_id)
        .where(Dataset.owner_id == owner_id, JobInput.role == Role.TRAINING, JobInput.position > 0)
    )
    with db.reading() as session:
        family = _families(session.exec(mine).all())
        n_opened = Counter(family[dataset_id] for query in (opened, learned_too) for dataset_id in session.exec(query))
    return {dataset_id: n_opened[name] for dataset_id, name in family.items()}


def _families(datasets: Iterable[tuple[str, str | None, str]]) -> Mapping[str, str]:
    """Dataset id → a name shared by all with the same held-out side; `datasets` are (id, parent's id, sha256)."""
    found = list(datasets)
    joined = {dataset_id: dataset_id for dataset_id, _, _ in found}

    def family(of: str) -> str:
        while joined[of] != of:
            of = joined[of]
        return of

    first: dict[str, str] = {}
    for dataset_id, parent_id, sha256 in found:
        for other in (parent_id, first.setdefault(sha256, dataset_id)):
            if other is not None:
                joined[family(dataset_id)] = family(other)
    return {dataset_id: family(dataset_id) for dataset_id in joined}


def times(n: int) -> str:
    """`never`, `once`, `3 times`."""
    return {0: "never", 1: "once"}.get(n, f"{n:,} times")


def sentence(n: int) -> str:
    """The meaning of this number of openings for a verdict."""
    if n < 2:
        return f"{'No' if n == 0 else 'One'} verdict has used these held-out rows."
    return f"{n:,} verdicts have used these held-out rows; each of them makes a lucky result likelier."
