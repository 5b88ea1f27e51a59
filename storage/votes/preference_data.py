"""Makes a dataset of chosen and rejected answers from votes, with its lineage: the votes, and the models they were on.

Votes on held-out prompts never become training data: a model that learned from them would be judged on prompts that
it knows. That also holds for typed prompts that equal a held-out one of the data that the models learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from storage import db, job_inputs
from storage.data import dataset_names, datasets, row_files, splits
from storage.data.rows.rows import Rows
from storage.models import Artifact, Dataset, DatasetVote, User, Vote
from storage.votes import pairs, questions, votes
from storage.votes.answers import shown
from storage.votes.contenders import Contender, named_apart
from storage.votes.pairs import Settled
from templates import registry
from templates.errors import BadInput, Conflict, Problem

SHAPE = "preference"
FEWEST_ROWS = 2
"""A dataset has at least one row to learn from and one that is held out."""
NAME = "my-votes"
NAMED = 3


@dataclass(frozen=True)
class Lineage:
    """The votes that a dataset was made of."""

    n_votes: int
    models: list[str]
    """Names of the models whose answers they compare, with a part of their key where two share a name."""


def preview(user: User, models: Sequence[str] = ()) -> Settled:
    """What the user's votes between these models, by default all of them, would make; creates nothing."""
    return _settled(votes.between(user, models))


def make(user: User, *, name: str = "", models: Sequence[str] = ()) -> Dataset:
    """Make a dataset of the user's votes between these models, by default of all votes.

    Raises `NotFound` for an unknown model, `BadInput` for an unusable name and for votes that make too few rows, and
    `Conflict` for a taken name or a vote that was taken back meanwhile.
    """
    name = dataset_names.usable(user, name) if name.strip() else dataset_names.free(user, NAME)
    found = votes.between(user, models)
    made = _settled(found)
    if len(made.pairs) < FEWEST_ROWS:
        said = " ".join(made.sentences)
        remedy = f"At least {FEWEST_ROWS} rows are needed. Vote on more prompts."
        raise BadInput(Problem(f"There are too few votes for a dataset. {said}", remedy=remedy))
    rows, instruction = _rows(made)
    shape = registry.shape(SHAPE)
    held_out = _held_out(rows)
    values: dict[str, Any] = {
        "source_filename": f"votes on {_listed(found)}",
        "name": name,
        "shape": SHAPE,
        "sha256": datasets.store(shape, row_files.batches(shape, enumerate(rows, 1)), held_out),
        "mapping": {},
        "n_rows": len(rows),
        "n_held_out": int(held_out.sum()),
        "split_seed": splits.DRAWN.seed,
        "instruction": instruction,
        "remarks": [{"message": sentence, "count": 0, "rows": []} for sentence in made.sentences],
    }
    vote_ids = [vote_id for pair in made.pairs for vote_id in pair.votes]
    try:
        with db.writing() as session:
            _refuse_taken_back(session, user, vote_ids)
            dataset = Dataset(owner_id=user.id, created_at=db.clock(session), **values)
            session.add(dataset)
            session.flush()
            session.add_all([DatasetVote(dataset_id=dataset.id, vote_id=vote_id) for vote_id in vote_ids])
    except IntegrityError as error:
        raise dataset_names.taken(name) from error
    return dataset


def lineage(dataset: Dataset) -> Lineage | None:
    """The votes behind a dataset and its versions' first parent; None for one that wasn't made of votes."""
    with db.reading() as session:
        root = dataset
        while root.parent_id:
            root = session.get_one(Dataset, root.parent_id)
        linked = select(Vote).join(DatasetVote, col(DatasetVote.vote_id) == Vote.id)
        found = session.exec(linked.where(DatasetVote.dataset_id == root.id).order_by(col(Vote.created_at))).all()
    if not found:
        return None
    return Lineage(len(found), list(named_apart(_models(found)).values()))


def _refuse_taken_back(session: Session, user: User, vote_ids: Sequence[str]) -> None:
    """Raise `Conflict` unless all of these are votes; locks them, so that none is taken back before the commit."""
    still = select(Vote.id).where(Vote.owner_id == user.id, col(Vote.choice).is_not(None), col(Vote.id).in_(vote_ids))
    if set(session.exec(still.with_for_update())) != set(vote_ids):
        raise Conflict("A vote was taken back while the dataset was being made.", remedy="Make it again.")


def _settled(found: Sequence[Vote]) -> Settled:
    return pairs.settle(found, _held_out_prompts(found))


def _models(found: Sequence[Vote]) -> list[Contender]:
    return list({answer.model.key: answer.model for vote in found for answer in shown(vote)}.values())


def _listed(found: Sequence[Vote]) -> str:
    names = list(named_apart(_models(found)).values())
    rest = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{rest}"


def _held_out_prompts(found: Sequence[Vote]) -> set[str]:
    """The held-out prompts of the data that the models were trained or measured on, and of prompts' own datasets."""
    ids = {vote.dataset_id for vote in found if vote.dataset_id}
    models = {answer.model.id for vote in found for answer in shown(vote) if answer.model.weights_sha256}
    with db.reading() as session:
        jobs = session.exec(select(Artifact.job_id).where(col(Artifact.id).in_(models))).all()
        datasets_ = {row.id: row for row in session.exec(select(Dataset).where(col(Dataset.id).in_(ids)))}
    for inputs in job_inputs.of_jobs(jobs).values():
        if inputs.measured_on:
            datasets_[inputs.measured_on.id] = inputs.measured_on
    asked = [questions.prompts(one, "held_out") for one in datasets_.values() if datasets.file(one).is_file()]
    return {pairs.question(turns) for of_dataset in asked for turns in of_dataset}


def _rows(made: Settled) -> tuple[list[dict[str, Any]], str]:
    """The rows in the shape's fields, and the instruction that all of them have; it then isn't repeated in each."""
    opening = {turns[0]["content"] if (turns := pair.prompt)[0]["role"] == "system" else "" for pair in made.pairs}
    common = opening.pop() if len(opening) == 1 else ""
    start = 1 if common else 0
    return [
        {"prompt": pair.prompt[start:], "chosen": pair.chosen, "rejected": pair.rejected} for pair in made.pairs
    ], common


def _held_out(rows: Sequence[dict[str, Any]]) -> splits.Sides:
    """A tenth of the rows, similar prompts on one side, as for rows of a file."""
    shape, share, seed = registry.shape(SHAPE), splits.DRAWN.share, splits.DRAWN.seed
    prints = [row_files.fingerprints(batch) for batch in row_files.batches(shape, enumerate(rows, 1))]
    content = splits.contents(np.concatenate(prints), seed)
    return splits.draw(content, share, alike=Rows.of(shape, rows).near_prompts)
