"""Votes in blind comparisons: given once, taken back, listed. Each is its owner's; nobody else can read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import func, update
from sqlmodel import col, select

from storage import db, listing
from storage.listing import START, Page, Place
from storage.models import Dataset, DatasetVote, User, Vote
from storage.votes import contenders
from storage.votes.answers import CHOICES, SOURCES, Answer, Preferred, shown
from storage.votes.contenders import Contender
from templates.errors import BadInput, Conflict, NotFound, Problem

MAX_NOTE_CHARS = 2000


@dataclass(frozen=True)
class PairVote:
    """A vote on the answers of two models, seen from the models and not from the sides."""

    vote: Vote
    messages: Sequence[dict[str, Any]]
    """The turns that both answered."""
    a: Answer
    b: Answer
    preferred: Preferred

    @property
    def credit(self) -> float:
        """Model a's credit: 1 for a win, ½ for a tie or two bad answers, 0 for a loss."""
        return {"a": 1.0, "b": 0.0}.get(self.preferred, 0.5)


def get(user: User, vote_id: str) -> Vote:
    """The user's question or vote. Raises `NotFound` for other users' too."""
    with db.reading() as session:
        found = session.exec(select(Vote).where(Vote.id == vote_id, Vote.owner_id == user.id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no vote “{vote_id[:80]}”.", remedy="`studio votes list` shows yours.")
    return found


def cast(user: User, vote_id: str, choice: str, note: str = "") -> tuple[Vote, bool]:
    """Vote on a question; returns the vote, and whether it is new.

    A question has one vote: a second one, from a key that was pressed twice, changes nothing. Raises `NotFound`,
    and `BadInput` for an unknown choice or too long a note.
    """
    problems = []
    if choice not in CHOICES:
        problems.append(
            Problem(f"“{choice[:40]}” is not a choice.", field="choice", remedy=f"Use {', '.join(CHOICES)}.")
        )
    if len(note) > MAX_NOTE_CHARS:
        what = f"has {len(note):,} characters; at most {MAX_NOTE_CHARS:,} are allowed."
        problems.append(Problem(what, field="note", remedy="Shorten it."))
    if problems:
        raise BadInput(*problems)
    get(user, vote_id)
    with db.writing() as session:
        open_ = update(Vote).where(col(Vote.id) == vote_id, col(Vote.owner_id) == user.id, col(Vote.choice).is_(None))
        values = {"choice": choice, "note": note.strip(), "voted_at": db.clock(session)}
        is_new = session.exec(open_.values(**values)).rowcount == 1
    return get(user, vote_id), is_new


def take_back(user: User, vote_id: str) -> Vote:
    """Undo a vote; its question waits for another one. Raises `NotFound`, and `Conflict` once a dataset has it."""
    get(user, vote_id)
    with db.writing() as session:
        own = update(Vote).where(col(Vote.id) == vote_id, col(Vote.owner_id) == user.id)
        session.exec(own.values(choice=None, note="", voted_at=None))  # first: it waits for a dataset being made
        used = select(Dataset.name).join(DatasetVote, col(DatasetVote.dataset_id) == Dataset.id)
        name = session.exec(used.where(DatasetVote.vote_id == vote_id, col(Dataset.deleted_at).is_(None))).first()
        if name is not None:
            raise Conflict(
                f"The dataset “{name}” was made with this vote, so it can't be taken back.",
                remedy="Delete that dataset first, then take back the vote and make the dataset again.",
            )
    return get(user, vote_id)


def page(user: User, place: Place = START) -> Page[Vote]:
    """Some of the user's votes, by the time of their questions, newest first."""
    query = select(Vote).where(Vote.owner_id == user.id, col(Vote.choice).is_not(None))
    with db.reading() as session:
        return listing.newest_first(session, query, Vote, user.id, place)


def of_user(user: User, *, source: str = "", unanswered: bool = False) -> Sequence[Vote]:
    """The user's votes, the oldest first; with `source`, on prompts from there; `unanswered`: questions without one."""
    query = select(Vote).where(Vote.owner_id == user.id)
    query = query.where(col(Vote.choice).is_(None) if unanswered else col(Vote.choice).is_not(None))
    query = query.where(Vote.source == source) if source else query
    with db.reading() as session:
        return session.exec(query.order_by(col(Vote.created_at), col(Vote.id))).all()


def between(user: User, models: Sequence[str], source: str = "") -> list[Vote]:
    """The user's votes between any two of these models, by default of all, the oldest first.

    Raises `NotFound` for an unknown model, `BadInput` for a single one and for an unknown source.
    """
    if len(models) == 1:
        what = f"“{models[0][:80]}” is a single model."
        raise BadInput(Problem(what, field="models", remedy="Name two or more, or none for all votes."))
    if source and source not in SOURCES:
        what = f"“{source[:40]}” is not a source of prompts."
        raise BadInput(Problem(what, field="source", remedy=f"Use {', '.join(SOURCES)}."))
    keys = {key_of(user, said) for said in models}
    return [vote for vote in of_user(user, source=source) if not keys or models_of(vote) <= keys]


def of_pair(user: User, a: str, b: str, *, source: str = "") -> list[PairVote]:
    """The user's votes between two models, the oldest first.

    A model is named as `templates.at_strength` reads it; one that is deleted, by the name that it had. Raises
    `NotFound` for a model that the user neither has nor voted on.
    """
    keys = (key_of(user, a), key_of(user, b))
    return [_seen_from(vote, keys[0]) for vote in of_user(user, source=source) if set(keys) == models_of(vote)]


def count(user: User) -> int:
    """The number of the user's votes."""
    voted_on = select(func.count()).select_from(Vote).where(Vote.owner_id == user.id, col(Vote.choice).is_not(None))
    with db.reading() as session:
        return session.exec(voted_on).one()


def models_of(vote: Vote) -> set[str]:
    """The keys of the two models."""
    return {vote.left_model, vote.right_model}


def _seen_from(vote: Vote, first: str) -> PairVote:
    left, right = shown(vote)
    is_left = vote.left_model == first
    preferred: dict[str, Preferred] = {"left": "a" if is_left else "b", "right": "b" if is_left else "a"}
    kept: Preferred = "both_bad" if vote.choice == "both_bad" else "tie"
    a, b = (left, right) if is_left else (right, left)
    return PairVote(vote, vote.messages, a, b, preferred.get(str(vote.choice), kept))


class Record(NamedTuple):
    """How a model did in all votes on its answers, at any strength."""

    won: int
    n: int


def records(user: User) -> dict[str, Record]:
    """The record of each base model and artifact that the user voted on, by id; reads no answers."""
    left, right = Vote.left["model"]["id"].as_string(), Vote.right["model"]["id"].as_string()
    query = select(left, right, Vote.choice).where(Vote.owner_id == user.id, col(Vote.choice).is_not(None))
    found: dict[str, Record] = {}
    with db.reading() as session:
        for *ids, choice in session.exec(query):
            for side, model_id in zip(("left", "right"), ids, strict=True):
                before = found.get(model_id, Record(0, 0))
                found[model_id] = Record(before.won + (choice == side), before.n + 1)
    return found


def key_of(user: User, said: str) -> str:
    """The key of a model that the user has, or voted on under this name. Raises `NotFound`, `BadInput`."""
    try:
        return contenders.of(user, said).key
    except NotFound:
        voted_on = [one for one in voted(user) if said in (one.said, one.key)]
        if not voted_on:
            raise
        return voted_on[-1].key


def voted(user: User) -> list[Contender]:
    """The models that the user voted on, each under its newest name, in the order of their first votes."""
    found: dict[str, Contender] = {}
    for vote in of_user(user):
        for answer in shown(vote):
            found[answer.model.key] = answer.model
    return list(found.values())
