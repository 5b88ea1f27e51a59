"""administrators, removed users, and names of base models that are unique for each owner"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

USER = sa.table("user", *(sa.column(c) for c in ("id", "password_hash", "is_admin", "created_at")))
BASE = sa.table("base_model", *(sa.column(c) for c in ("id", "owner_id", "name", "created_at")))
COMMON = sa.text("owner_id IS NULL")
MAX_NAME_CHARS = 64


def upgrade() -> None:
    with op.batch_alter_table("user") as batch_op:
        batch_op.add_column(sa.Column("is_admin", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("removed_at", sa.Float(), nullable=True))
    with op.batch_alter_table("user") as batch_op:
        batch_op.alter_column("is_admin", server_default=None)
    _make_administrators(op.get_bind())
    with op.batch_alter_table("base_model") as batch_op:
        batch_op.drop_constraint("uq_base_model_name", type_="unique")
        batch_op.create_unique_constraint("uq_base_model_owner_id_name", ["owner_id", "name"])
    op.create_index(
        "uq_base_model_common_name", "base_model", ["name"], unique=True, sqlite_where=COMMON, postgresql_where=COMMON
    )


def _make_administrators(connection: sa.Connection) -> None:
    """The local user, and the oldest account."""
    accounts = sa.select(USER.c.id).where(USER.c.password_hash.is_not(None))
    oldest = connection.execute(accounts.order_by(USER.c.created_at, USER.c.id).limit(1)).scalar()
    admins = sa.or_(USER.c.password_hash.is_(None), USER.c.id == oldest)
    connection.execute(sa.update(USER).where(admins).values(is_admin=sa.true()))


def downgrade() -> None:
    op.drop_index("uq_base_model_common_name", table_name="base_model")
    _number_names(op.get_bind())
    with op.batch_alter_table("base_model") as batch_op:
        batch_op.drop_constraint("uq_base_model_owner_id_name", type_="unique")
        batch_op.create_unique_constraint("uq_base_model_name", ["name"])
    with op.batch_alter_table("user") as batch_op:
        batch_op.drop_column("removed_at")
        batch_op.drop_column("is_admin")


def _number_names(connection: sa.Connection) -> None:
    """Add the id to all but the first of several models with the same name, the models for all users first."""
    seen: set[str] = set()
    rows = connection.execute(sa.select(BASE).order_by(BASE.c.owner_id.is_not(None), BASE.c.created_at, BASE.c.id))
    for row in rows.mappings().all():
        if row["name"] in seen:
            name = f"{row['name'][: MAX_NAME_CHARS - len(row['id']) - 1]}-{row['id']}"
            connection.execute(sa.update(BASE).where(BASE.c.id == row["id"]).values(name=name))
        seen.add(row["name"])
