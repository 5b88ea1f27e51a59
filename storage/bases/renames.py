"""Renames base models. Jobs and results refer to them by id, so nothing else changes."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from storage import db, model_names
from storage.bases import base_models
from storage.models import BaseModelRow, User
from templates.errors import Conflict, NotAllowed, refuse


def rename(user: User, name_or_id: str, name: str) -> BaseModelRow:
    """Give a base model another name.

    Raises `NotFound`, `BadInput` for an unusable name, `NotAllowed` for a shared model unless the user is an
    administrator, and `Conflict` for a bundled one or a taken name.
    """
    row, name = base_models.get(user, name_or_id), name.strip()
    if row.source == "bundled":
        raise Conflict(f"“{row.name}” is part of the studio and keeps its name.")
    if row.is_shared and not user.is_admin:
        raise NotAllowed(f"“{row.name}” is shared with everybody.", remedy="Ask an administrator to rename it.")
    if name == row.name:
        return row
    refuse(model_names.flaw(name))
    taken = model_names.problems(user, name)
    if taken:
        raise Conflict(*taken, code="name_taken")
    try:
        with db.writing() as session:
            row.name = name
            return session.merge(row)
    except IntegrityError as error:  # somebody took the name just now
        raise Conflict(f"“{name}” is already the name of a base model.", code="name_taken") from error
