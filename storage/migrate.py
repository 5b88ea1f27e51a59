"""Brings the database to the newest schema; safe to call from several processes at once."""

from __future__ import annotations

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from storage import db

TRIES = 5
PAUSE_S = 0.5


def config() -> Config:
    """Alembic's configuration, independent of the working folder."""
    return Config(str(Path(__file__).parent / "alembic.ini"))


def current() -> str | None:
    """The schema's current revision; None for an empty database."""
    with db.engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The newest revision that this version of the product knows."""
    return ScriptDirectory.from_config(config()).get_current_head()


def upgrade() -> None:
    """Run the missing migrations. Waits for another process that is doing the same."""
    for left in reversed(range(TRIES)):
        if current() == head():
            return
        try:
            command.upgrade(config(), "head")
            return
        except (OperationalError, IntegrityError, ProgrammingError):
            if not left:
                raise
            time.sleep(PAUSE_S)
