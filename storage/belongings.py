"""What a user owns: counted, given to somebody else, or deleted with the account."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from storage import credentials, db, deleted_names, users
from storage.data import dataset_names
from storage.gallery import artifacts
from storage.job_inputs import Thing
from storage.jobs import events
from storage.models import (
    TERMINAL,
    Artifact,
    BaseModelRow,
    Dataset,
    DatasetVote,
    Job,
    JobState,
    Upload,
    User,
    Vote,
    new_id,
)
from templates.errors import BadInput, Conflict, Problem
from templates.quantities import plural


@dataclass(frozen=True)
class Belongings:
    """The number of things of each kind, without deleted ones."""

    datasets: int
    base_models: int
    results: int
    jobs: int
    unfinished_jobs: int
    votes: int = 0

    def __bool__(self) -> bool:
        return bool(self.datasets or self.base_models or self.results or self.jobs or self.votes)

    def as_dict(self) -> dict[str, int]:
        """The numbers as a document."""
        return asdict(self)

    def __str__(self) -> str:
        kinds = (
            (self.datasets, "dataset"),
            (self.base_models, "base model"),
            (self.results, "result"),
            (self.votes, "vote"),
            (self.jobs, "job"),
        )
        named = [plural(n, noun) for n, noun in kinds if n]
        listed = " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]])) or "nothing"
        return f"{listed} ({self.unfinished_jobs:,} unfinished)" if self.unfinished_jobs else listed


@dataclass(frozen=True)
class Renamed:
    """A thing that got a number because its new owner already had the name."""

    old: str
    new: str


def of(user: User) -> Belongings:
    """What the user owns."""
    with db.reading() as session:
        return _count(session, user)


def _things(session: Session, user: User) -> list[Thing]:
    """The user's datasets, base models and results, including deleted ones."""
    return [
        *session.exec(select(Dataset).where(Dataset.owner_id == user.id).order_by(Dataset.id)),
        *session.exec(select(BaseModelRow).where(BaseModelRow.owner_id == user.id).order_by(BaseModelRow.id)),
        *session.exec(select(Artifact).where(Artifact.owner_id == user.id).order_by(Artifact.id)),
    ]


def _count(session: Session, user: User) -> Belongings:
    kinds = Counter(type(thing) for thing in _things(session, user) if thing.deleted_at is None)
    jobs = select(func.count()).select_from(Job).where(Job.owner_id == user.id)
    unfinished = session.exec(jobs.where(col(Job.state).not_in(TERMINAL))).one()
    votes = session.exec(select(func.count()).select_from(Vote).where(Vote.owner_id == user.id)).one()
    n_jobs = session.exec(jobs).one()
    return Belongings(kinds[Dataset], kinds[BaseModelRow], kinds[Artifact], n_jobs, unfinished, votes)


def give(giver: User, heir: User) -> tuple[Belongings, list[Renamed]]:
    """Give everything to `heir`; unfinished jobs go on for them. Names that the heir already uses get a number."""
    with db.writing() as session:
        return _count(session, giver), _give(session, giver, heir)


def _give(session: Session, giver: User, heir: User) -> list[Renamed]:
    if giver.id == heir.id:
        raise BadInput(Problem("is the present owner.", field="heir", remedy="Name somebody else."))
    renamed = []
    for thing in _things(session, giver):
        old = thing.name
        if thing.deleted_at is None:
            free_name = dataset_names.free_name if isinstance(thing, Dataset) else artifacts.free_name
            thing.name = free_name(session, heir.id, old)
        thing.owner_id = heir.id
        session.flush()
        if thing.name != old:
            renamed.append(Renamed(old, thing.name))
    taken = select(Job.idem_key).where(Job.owner_id == heir.id)
    for job in session.exec(select(Job).where(Job.owner_id == giver.id)).all():
        if job.idem_key in set(session.exec(taken.where(Job.idem_key == job.idem_key))):
            job.idem_key = new_id()
        job.owner_id = heir.id
    for table in (Upload, Vote):
        session.exec(update(table).where(col(table.owner_id) == giver.id).values(owner_id=heir.id))
    return renamed


def remove_owner(user: User, *, heir: User | None = None, delete: bool = False) -> tuple[Belongings, list[Renamed]]:
    """Remove an account with what it owns: given to `heir`, or deleted.

    Deleting cancels the unfinished jobs: waiting ones end at once, running ones when their child has stopped.
    Raises `Conflict` if the user owns something and neither is wanted, and for the last administrator.
    """
    with db.writing() as session:
        users.refuse_last_admin(session, user)
        owned = _count(session, user)
        if owned and heir is None and not delete:
            raise Conflict(
                f"“{user.name}” owns {owned}.",
                code="owns_things",
                remedy="Give them to somebody (--give-to NAME), or delete them (--delete-everything).",
            )
        renamed = _give(session, user, heir) if heir else []
        if delete:
            _delete(session, user)
        kept = session.get_one(User, user.id)
        kept.name = f"{user.name} (removed {user.id})"  # users can't choose a name like this
        kept.password_hash, kept.is_admin, kept.removed_at = None, False, db.clock(session)
        credentials.forget_all(session, user.id)
    return owned, renamed


def _delete(session: Session, user: User) -> None:
    """Like deleting each thing and cancelling each job by hand; the files go with the next collection."""
    at = db.clock(session)
    for job in session.exec(select(Job).where(Job.owner_id == user.id, col(Job.state).not_in(TERMINAL))).all():
        is_waiting = update(Job).where(col(Job.id) == job.id, col(Job.state) == JobState.QUEUED)
        if session.exec(is_waiting.values(state=JobState.CANCELLED, finished_at=at, cancel_at=at)).rowcount:
            events.append(session, job.id, 0, "cancelled", while_state=JobState.QUEUED)
        else:
            running = update(Job).where(col(Job.id) == job.id, col(Job.state).not_in(TERMINAL))
            session.exec(running.values(cancel_at=at, cancel_keep=False))
            events.append(session, job.id, 0, "cancel_requested", keep=False)
    votes = select(Vote.id).where(Vote.owner_id == user.id)
    session.exec(delete(DatasetVote).where(col(DatasetVote.vote_id).in_(votes)))
    session.exec(delete(Vote).where(col(Vote.owner_id) == user.id))
    for thing in _things(session, user):
        if thing.deleted_at is None:
            thing.deleted_at = at
            if not isinstance(thing, Artifact):
                thing.name = deleted_names.deleted(thing.name, thing.id)
