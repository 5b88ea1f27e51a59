"""Accounts and base models as revision 0008 left them, on any database."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from storage import db, migrate

OLD_USER = 'INSERT INTO "user" (id, name, password_hash, created_at) VALUES (:id, :id, :hash, :at)'
BASE = """
INSERT INTO base_model (id, owner_id, name, source, origin, revision, license, location, facts, size_bytes, created_at)
VALUES (:id, :owner, :name, 'folder', 'x', 'r', 'MIT', :id, '{}', 1, :at)
"""


def stored(query: str) -> list[tuple[object, ...]]:
    with db.engine().connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def put(statement: str, *rows: dict[str, object]) -> None:
    with db.engine().begin() as connection:
        for row in rows:
            connection.execute(text(statement), row)


def check() -> None:
    """From 0008 and back: administrators, and names of base models that two people have."""
    command.upgrade(migrate.config(), "0008")
    put(
        OLD_USER,
        {"id": "local", "hash": None, "at": 1.0},
        {"id": "late", "hash": "x", "at": 3.0},
        {"id": "early", "hash": "x", "at": 2.0},
    )
    put(BASE, {"id": "a", "owner": "early", "name": "house", "at": 1.0})
    with pytest.raises(IntegrityError):
        put(BASE, {"id": "b", "owner": "late", "name": "house", "at": 2.0})
    migrate.upgrade()
    assert stored('SELECT id, is_admin FROM "user" ORDER BY id') == [("early", True), ("late", False), ("local", True)]
    put(BASE, {"id": "b", "owner": "late", "name": "house", "at": 2.0})
    put(BASE, {"id": "c", "owner": None, "name": "house", "at": 3.0})
    for owner in ("early", None):
        with pytest.raises(IntegrityError):
            put(BASE, {"id": "d", "owner": owner, "name": "house", "at": 4.0})
    command.downgrade(migrate.config(), "0008")
    assert stored("SELECT id, name FROM base_model ORDER BY id") == [("a", "house-a"), ("b", "house-b"), ("c", "house")]
    migrate.upgrade()
    with db.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
