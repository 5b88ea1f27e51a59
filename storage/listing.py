"""Pages of a list that grows: the newest rows first, and the place to go on from.

A page begins after a row, named by its id, and not at a number: rows that are added meanwhile shift nothing, none
is listed twice, and none is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import tuple_
from sqlmodel import Session, col
from sqlmodel.sql.expression import SelectOfScalar

from storage.page_limits import LIMIT
from templates.errors import BadInput, Problem

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, and the id of the last one if more follow."""

    rows: Sequence[T]
    after: str | None


@dataclass(frozen=True)
class Place:
    """What to list: so many rows, after the one with this id."""

    limit: int = LIMIT
    after: str | None = None


START = Place()


def newest_first(session: Session, query: SelectOfScalar[T], table: Any, owner_id: str, place: Place) -> Page[T]:
    """A page of the owner's rows that `query` selects from `table`, by `created_at` and id.

    Raises `BadInput` if none of the owner's rows, deleted ones included, has the id to go on after.
    """
    order = (col(table.created_at), col(table.id))
    if place.after is not None:
        last = session.get(table, place.after)
        if last is None or last.owner_id != owner_id:
            raise unknown(place.after)
        query = query.where(tuple_(*order) < (last.created_at, last.id))
    found = session.exec(query.order_by(*(column.desc() for column in order)).limit(place.limit + 1)).all()
    return cut(found, place.limit, [row.id for row in found])  # type: ignore[attr-defined]


def cut(rows: Sequence[T], limit: int, ids: Sequence[str]) -> Page[T]:
    """The first `limit` of these rows, which have these ids."""
    return Page(rows[:limit], ids[limit - 1] if len(rows) > limit else None)


def after_id(rows: Sequence[T], place: Place) -> Page[T]:
    """A page of rows that are all at hand. Raises `BadInput` if none of them has the id to go on after."""
    ids: list[str] = [row.id for row in rows]  # type: ignore[attr-defined]
    if place.after is not None and place.after not in ids:
        raise unknown(place.after)
    start = 0 if place.after is None else ids.index(place.after) + 1
    return cut(rows[start : start + place.limit + 1], place.limit, ids[start:])


def unknown(after: str) -> BadInput:
    """The refusal of an id that the list doesn't have."""
    return BadInput(
        Problem(f"the list has no “{after[:80]}”.", field="after", remedy="Leave it out to start with the first page.")
    )
