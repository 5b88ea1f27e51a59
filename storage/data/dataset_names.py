"""Names of datasets: which are usable, and which are taken."""

from __future__ import annotations

import itertools
import re

from sqlmodel import Session, select

from storage import db
from storage.models import Dataset, User
from templates.errors import Conflict, Problem, refuse

MAX_CHARS = 64
NAME = re.compile(r"[^\W_][\w .-]{0,63}")


def usable(user: User, name: str) -> str:
    """`name` without blanks around it. Raises `BadInput` for an unusable name, `Conflict` for a taken one."""
    name = name.strip()
    refuse(problems(name))
    refuse_taken(user, name)
    return name


def problems(name: str) -> list[Problem]:
    """The reason why this can't be a dataset's name."""
    if NAME.fullmatch(name):
        return []
    return [Problem("use 1–64 letters, digits, spaces and . _ -, starting with a letter or digit.", field="name")]


def taken(name: str) -> Conflict:
    """The refusal of a name that another dataset has."""
    return Conflict(
        Problem(
            f"There is already a dataset “{name}”.", field="name", remedy="Choose another name, or delete it first."
        )
    )


def refuse_taken(user: User, name: str) -> None:
    """Raises `Conflict` for a name that the user's datasets already have."""
    with db.reading() as session:
        if is_taken(session, user.id, name):
            raise taken(name)


def is_taken(session: Session, owner_id: str, name: str) -> bool:
    """Whether the owner already has a dataset of this name."""
    same = select(Dataset.id).where(Dataset.owner_id == owner_id, Dataset.name == name)
    return session.exec(same).first() is not None


def free(user: User, wanted: str) -> str:
    """`wanted`, or `wanted-2`, `wanted-3` … when the user has it already."""
    with db.reading() as session:
        return free_name(session, user.id, wanted)


def free_name(session: Session, owner_id: str, wanted: str) -> str:
    """`wanted`, or `wanted-2`, `wanted-3` … when it is taken."""
    ends = ("" if count == 1 else f"-{count}" for count in itertools.count(1))
    names = (f"{wanted[: MAX_CHARS - len(end)]}{end}" for end in ends)
    return next(name for name in names if not is_taken(session, owner_id, name))
