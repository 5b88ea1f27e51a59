"""Which prompts models may have learned, and which are held out: in their data, and in earlier datasets of votes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlmodel import Session, col, select

from storage import db, job_inputs
from storage.data import datasets
from storage.data.splits import Side
from storage.job_inputs import Thing
from storage.models import Artifact, Dataset, DatasetVote, Vote
from storage.votes import pairs, questions
from storage.votes.answers import shown
from templates.roles import Role

JUDGED_ON = (Role.TRAINING, Role.HELD_OUT)
"""Roles of datasets whose held-out sides give a job's verdict or scores."""
LEARNED = (Role.TRAINING, Role.REPLAY)
"""Roles of datasets that a model learned from."""


@dataclass(frozen=True)
class Sides:
    """Prompts, as `pairs.question` writes them, on the sides of earlier datasets."""

    learned: frozenset[str]
    """In the training side of at least one of them."""
    held_out: frozenset[str]
    """Held out in each of them that has the prompt."""


def held_out(found: Sequence[Vote]) -> set[str]:
    """The held-out prompts that these votes must not teach, as `pairs.question` writes them.

    They are those of the datasets that the prompts came from, and of all data that the models, and the results that
    these went on from, were trained or measured on.
    """
    ids = {vote.dataset_id for vote in found if vote.dataset_id}
    models = {answer.model.id for vote in found for answer in shown(vote) if answer.model.weights_sha256}
    with db.reading() as session:
        named = session.exec(select(Dataset).where(col(Dataset.id).in_(ids))).all()
    return _prompts([*named, *behind(models, JUDGED_ON)], "held_out")


def earlier(vote_ids: Collection[str]) -> Sides:
    """The sides that the prompts have in earlier datasets of these votes, and in these datasets' versions."""
    with db.reading() as session:
        linked = select(DatasetVote.dataset_id).where(col(DatasetVote.vote_id).in_(vote_ids))
        ids = _with_versions(session, set(session.exec(linked)))
        made = session.exec(select(Dataset).where(col(Dataset.id).in_(ids))).all()
    learned = frozenset(_prompts(made, "training"))
    return Sides(learned, frozenset(_prompts(made, "held_out")) - learned)


def learned_by(models: set[str]) -> frozenset[str]:
    """The prompts that these artifacts, by id, and those that they went on from, learned."""
    there = (one.id for one in behind(models, LEARNED) if datasets.file(one).is_file())
    return _learned(frozenset(there))


@lru_cache(maxsize=8)
def _learned(dataset_ids: frozenset[str]) -> frozenset[str]:
    """The prompts on the training sides of these datasets, whose rows never change."""
    with db.reading() as session:
        found = session.exec(select(Dataset).where(col(Dataset.id).in_(dataset_ids))).all()
    return frozenset(_prompts(found, "training"))


def held_out_of(dataset: Dataset) -> set[str]:
    """The dataset's held-out prompts, as `pairs.question` writes them."""
    return _prompts([dataset], "held_out")


def behind(models: set[str], roles: Collection[Role]) -> list[Dataset]:
    """The datasets in these roles of the jobs that made these artifacts, by id, and those that they went on from."""
    used = ((role, thing) for role, thing in used_behind(models) if isinstance(thing, Dataset))
    return list({thing.id: thing for role, thing in used if role in roles}.values())


def used_behind(models: set[str]) -> Iterator[tuple[Role, Thing]]:
    """All inputs of the jobs that made these artifacts, by id, and those that they went on from."""
    seen: set[str] = set()
    while models:
        seen |= models
        with db.reading() as session:
            jobs = session.exec(select(Artifact.job_id).where(col(Artifact.id).in_(models))).all()
        used = [one for inputs in job_inputs.of_jobs(jobs).values() for one in inputs]
        yield from used
        models = {thing.id for role, thing in used if isinstance(thing, Artifact) and role == Role.BASE} - seen


def _with_versions(session: Session, ids: set[str]) -> set[str]:
    """These datasets, and all that were made of them."""
    found, newest = set(ids), ids
    while newest:
        newest = set(session.exec(select(Dataset.id).where(col(Dataset.parent_id).in_(newest)))) - found
        found |= newest
    return found


def _prompts(found: Iterable[Dataset], side: Side) -> set[str]:
    """The prompts on this side of the datasets; those whose rows were deleted have none."""
    there = [one for one in found if datasets.file(one).is_file()]
    return {pairs.question(turns) for one in there for turns in questions.prompts(one, side)}
