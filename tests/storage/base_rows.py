"""Base models as rows alone, for tests that don't look into their files."""

from __future__ import annotations

from storage import db
from storage.bases import base_models
from storage.models import BaseModelRow, User


def base_row(user: User, name: str, *, shared: bool = False) -> BaseModelRow:
    """A model that `user` added from a folder, with the facts of a bundled one and without files."""
    like = base_models.get(user, "studio-nano")
    row = BaseModelRow(
        owner_id=None if shared else user.id,
        name=name,
        source="folder",
        origin="source",
        revision="0" * 64,
        license="MIT",
        location=f"bases/{name}",
        facts=like.facts,
        size_bytes=like.size_bytes,
        created_at=0.0,
    )
    with db.writing() as session:
        session.add(row)
    return row
