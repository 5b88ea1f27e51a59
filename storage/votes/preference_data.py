"""Makes a dataset of chosen and rejected answers from votes, with its lineage: the votes, and the models they were on.

Votes on held-out prompts never become training data: a model that learned from them would be judged on prompts that
it knows. That also holds for typed prompts that equal a held-out one of the data that the models learned from. A
prompt keeps the side that it has in earlier datasets of these votes, so that a model can be trained on them in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from storage import db
from storage.data import dataset_names, datasets, row_files, splits
from storage.data.rows.rows import Rows
from storage.models import Dataset, DatasetVote, User, Vote
from storage.votes import known_prompts, pairs, votes
from storage.votes.answers import shown
from storage.votes.contenders import Contender, named_apart
from storage.votes.known_prompts import Sides
from storage.votes.pairs import Settled
from templates import registry
from templates.errors import BadInput, Conflict, Problem

SHAPE = "preference"
FEWEST_ROWS = 2
"""A dataset has at least one row to learn from and one that is held out."""
NAME = "my-votes"
NAMED = 3
UNKNOWN = Sides(frozenset(), frozenset())
KNOWN = (
    "All prompts were on one side of earlier datasets of these votes, so held-out rows were drawn anew. A model that "
    "learned from an earlier one may know them: vote on more prompts before you train it further on this dataset."
)


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
        words = " ".join(made.sentences)
        remedy = f"At least {FEWEST_ROWS} rows are needed. Vote on more prompts."
        raise BadInput(Problem(f"There are too few votes for a dataset. {words}", remedy=remedy))
    rows, instruction = _rows(made)
    shape = registry.shape(SHAPE)
    vote_ids = [vote_id for pair in made.pairs for vote_id in pair.votes]
    held_out, warned = _sides(rows, vote_ids)
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
        "remarks": [{"message": sentence, "count": 0, "rows": []} for sentence in (*made.sentences, *warned)],
    }
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
    return pairs.settle(found, known_prompts.held_out(found))


def _models(found: Sequence[Vote]) -> list[Contender]:
    return list({answer.model.key: answer.model for vote in found for answer in shown(vote)}.values())


def _listed(found: Sequence[Vote]) -> str:
    names = list(named_apart(_models(found)).values())
    rest = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{rest}"


def _rows(made: Settled) -> tuple[list[dict[str, Any]], str]:
    """The rows in the shape's fields, and the instruction that all of them have; it then isn't repeated in each."""
    opening = {turns[0]["content"] if (turns := pair.prompt)[0]["role"] == "system" else "" for pair in made.pairs}
    common = opening.pop() if len(opening) == 1 else ""
    start = 1 if common else 0
    return [
        {"prompt": pair.prompt[start:], "chosen": pair.chosen, "rejected": pair.rejected} for pair in made.pairs
    ], common


def _sides(rows: Sequence[dict[str, Any]], vote_ids: Sequence[str]) -> tuple[splits.Sides, list[str]]:
    """Which rows are held out, and what to know about that."""
    kept = _held_out(rows, known_prompts.earlier(vote_ids))
    if kept is not None:
        return kept, []
    drawn = _held_out(rows, UNKNOWN)
    assert drawn is not None, "there are at least two rows"
    return drawn, [KNOWN]


def _held_out(rows: Sequence[dict[str, Any]], before: Sides) -> splits.Sides | None:
    """Which rows are held out, similar prompts on one side; None if every row must be learned or every one held out.

    A prompt that was in an earlier dataset keeps its side, since a model may have learned it; of the others, as many
    are drawn as a tenth of all rows needs.
    """
    shape, share, seed = registry.shape(SHAPE), splits.DRAWN.share, splits.DRAWN.seed
    asked, groups = [pairs.question(row["prompt"]) for row in rows], _alike(rows)
    learned = {i for group in groups if any(asked[i] in before.learned for i in group) for i in group}
    kept = {i for group in groups if any(asked[i] in before.held_out for i in group) for i in group} - learned
    free = [i for i in range(len(rows)) if i not in learned | kept]
    held_out = np.zeros(len(rows), np.bool_)
    held_out[sorted(kept)] = True
    wanted = min(splits.n_held_out(len(rows), share) - len(kept), len(free) - (not learned and not kept))
    if wanted > 0:
        places = {row: place for place, row in enumerate(free)}
        alike = [[places[i] for i in group] for group in groups if group[0] in places]
        prints = [row_files.fingerprints(batch) for batch in row_files.batches(shape, enumerate(rows, 1))]
        content = splits.contents(np.concatenate(prints)[free], seed)
        held_out[free] = splits.draw_rows(content, wanted, alike=alike)
    return held_out if 0 < held_out.sum() < len(rows) else None


def _alike(rows: Sequence[dict[str, Any]]) -> list[list[int]]:
    """All rows, in groups of nearly the same prompts."""
    groups = Rows.of(registry.shape(SHAPE), rows).near_prompts
    grouped = {i for group in groups for i in group}
    return [*groups, *([i] for i in range(len(rows)) if i not in grouped)]
