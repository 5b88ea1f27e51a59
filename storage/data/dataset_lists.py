"""Lists of a user's datasets, page by page."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from storage import db, listing
from storage.listing import START, Page, Place
from storage.models import Dataset, User


def page(user: User, place: Place = START, *, name: str = "") -> Page[Dataset]:
    """Some of the user's datasets, newest first; with `name`, those whose names contain it, in any case."""
    query = _live(user)
    if name:
        query = query.where(col(Dataset.name).icontains(name, autoescape=True))
    with db.reading() as session:
        return listing.newest_first(session, query, Dataset, user.id, place)


def newest(user: User, shapes: Iterable[str], *, judgeable: bool = False) -> Dataset | None:
    """The newest of the user's datasets whose rows have one of these shapes; if `judgeable`, with rows held out."""
    fitting = _live(user).where(col(Dataset.shape).in_(list(shapes)))
    if judgeable:
        fitting = fitting.where(col(Dataset.n_held_out) > 0)
    with db.reading() as session:
        return session.exec(fitting.order_by(col(Dataset.created_at).desc(), col(Dataset.id).desc()).limit(1)).first()


def _live(user: User) -> SelectOfScalar[Dataset]:
    return select(Dataset).where(Dataset.owner_id == user.id, col(Dataset.deleted_at).is_(None))
