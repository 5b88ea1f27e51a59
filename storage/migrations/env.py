"""Alembic's entry: runs the migrations on the studio's own engine.

On SQLite, Alembic copies and drops a changed table. With enforced foreign keys the drop would fail wherever
other rows refer to it, so they are checked once at the end; the pragma works only outside a transaction.
"""

from alembic import context
from sqlalchemy import text
from sqlmodel import SQLModel

from storage import db, models

assert models.Job.metadata is SQLModel.metadata  # this import fills the metadata

with db.engine().connect() as connection:
    is_sqlite = connection.dialect.name == "sqlite"
    driver = connection.connection.driver_connection
    assert driver is not None
    if is_sqlite:
        driver.execute("PRAGMA foreign_keys=OFF")
    try:
        context.configure(
            connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, compare_type=True
        )
        with context.begin_transaction():
            context.run_migrations()
        if is_sqlite and (broken := connection.execute(text("PRAGMA foreign_key_check")).all()):
            raise RuntimeError(f"the migration would leave rows that refer to nothing: {broken[:3]}")
        connection.commit()
    finally:
        connection.rollback()
        if is_sqlite:
            driver.execute("PRAGMA foreign_keys=ON")
