"""Alembic's entry: runs the migrations on the studio's own engine."""

from alembic import context
from sqlmodel import SQLModel

from storage import db, models

assert models.Job.metadata is SQLModel.metadata  # the import fills the metadata

with db.engine().connect() as connection:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
