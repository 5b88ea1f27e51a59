"""Lists of a user's artifacts: page by page, and all of them in short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from storage import db, listing
from storage.listing import START, Page, Place
from storage.models import Artifact, User
from templates import registry
from templates.artifact_kind import ArtifactKind

Found = TypeVar("Found")


def page(user: User, place: Place = START, *, name: str = "") -> Page[Artifact]:
    """Some of the user's gallery, newest first; with `name`, those whose names contain it, in any case."""
    query = select(Artifact).where(Artifact.owner_id == user.id, col(Artifact.deleted_at).is_(None))
    if name:
        query = query.where(col(Artifact.name).icontains(name, autoescape=True))
    with db.reading() as session:
        return listing.newest_first(session, query, Artifact, user.id, place)


class Summary(NamedTuple):
    """What an artifact can be found by, without its long facts."""

    id: str
    job_id: str
    method: str | None
    """A model's method; None for other artifacts, as the verdict."""
    verdict: str | None


def summaries(user: User) -> list[Summary]:
    """All of the user's gallery in short, newest first."""
    method, verdict = Artifact.facts["recipe"]["method"], Artifact.facts["verdict"]["verdict"]
    query = select(Artifact.id, Artifact.job_id, method.as_string(), verdict.as_string())
    mine = query.where(Artifact.owner_id == user.id, col(Artifact.deleted_at).is_(None))
    with db.reading() as session:
        found = session.exec(mine.order_by(col(Artifact.created_at).desc(), col(Artifact.id).desc()))
        return [Summary(*row) for row in found]


def model_names(user: User) -> Sequence[str]:
    """The names of all models in the user's gallery, newest first."""
    with db.reading() as session:
        return session.exec(_newest(select(Artifact.name), user, lambda kind: kind.answers)).all()


def reward_model_names(user: User) -> Sequence[str]:
    """The names of all reward models in the user's gallery, newest first."""
    with db.reading() as session:
        return session.exec(_newest(select(Artifact.name), user, lambda kind: kind.scores)).all()


def newest_models(user: User, limit: int) -> Sequence[Artifact]:
    """The newest models in the user's gallery."""
    with db.reading() as session:
        return session.exec(_newest(select(Artifact), user, lambda kind: kind.answers).limit(limit)).all()


def reward_models(user: User) -> Sequence[Artifact]:
    """The reward models in the user's gallery, newest first."""
    with db.reading() as session:
        return session.exec(_newest(select(Artifact), user, lambda kind: kind.scores)).all()


def _newest(query: SelectOfScalar[Found], user: User, wanted: Callable[[ArtifactKind], bool]) -> SelectOfScalar[Found]:
    """What `query` selects of the user's artifacts of the kinds that are wanted, newest first."""
    kinds = [kind.key for kind in registry.artifact_kinds().values() if wanted(kind)]
    mine = query.where(Artifact.owner_id == user.id, col(Artifact.deleted_at).is_(None))
    return mine.where(col(Artifact.kind).in_(kinds)).order_by(col(Artifact.created_at).desc(), col(Artifact.id).desc())


def of_ids(user: User, ids: Sequence[str]) -> Sequence[Artifact]:
    """Those of the user's artifacts that have these ids, newest first."""
    with db.reading() as session:
        mine = select(Artifact).where(Artifact.owner_id == user.id, col(Artifact.id).in_(ids))
        return session.exec(mine.order_by(col(Artifact.created_at).desc(), col(Artifact.id).desc())).all()
