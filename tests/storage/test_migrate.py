"""The schema from revision to revision, on SQLite: nothing that was stored is lost, and models and schema agree."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from storage import db, migrate, users
from storage.data import datasets, uploads
from storage.models import User
from tests.conftest import forget_caches
from tests.storage import older_studio

ROWS = b"text,label\n" + b"".join(b"text %d,%d\n" % (i, i % 2) for i in range(20))


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A studio whose database has no tables yet."""
    monkeypatch.setenv("STUDIO_DATA_DIR", str(tmp_path))
    forget_caches()
    yield
    forget_caches()


def columns() -> set[str]:
    with db.engine().connect() as connection:
        return {row[1] for row in connection.execute(text("PRAGMA table_info(dataset)"))}


def added(user: User, name: str) -> None:
    datasets.add(user, uploads.save(user, "data.csv", io.BytesIO(ROWS)), name=name)


def test_the_schema_is_what_the_models_say(studio: User) -> None:
    with db.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_datasets_survive_the_way_there_and_back(studio: User) -> None:
    added(studio, "new")
    command.downgrade(migrate.config(), "0002")
    assert "header" not in columns()
    migrate.upgrade()
    kept = datasets.get(studio, "new")
    assert (kept.header, len(datasets.rows(kept))) == (None, 20)
    seen = datasets.preview(studio, uploads.save(studio, "again.csv", io.BytesIO(ROWS)))
    assert seen.choice.remembered is None, "an older dataset is not known by its columns"
    added(studio, "newer")
    again = datasets.preview(studio, uploads.save(studio, "again.csv", io.BytesIO(ROWS)))
    assert again.choice.remembered is not None
    assert again.choice.remembered.dataset == "newer"


def test_every_revision_leads_to_the_next(empty: None) -> None:
    command.upgrade(migrate.config(), "0002")
    assert "header" not in columns()
    migrate.upgrade()
    assert migrate.current() == migrate.head()
    assert "header" in columns()
    added(users.local(), "first")
    assert datasets.get(users.local(), "first").header


def test_a_studio_of_the_version_before_keeps_everything(empty: None) -> None:
    older_studio.check()
    with db.engine().connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
