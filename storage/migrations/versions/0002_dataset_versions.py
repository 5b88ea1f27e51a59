"""versions of datasets"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parent_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.add_column(sa.Column("fixes", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.create_foreign_key(batch_op.f("fk_dataset_parent_id_dataset"), "dataset", ["parent_id"], ["id"])
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.alter_column("fixes", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_dataset_parent_id_dataset"), type_="foreignkey")
        batch_op.drop_column("fixes")
        batch_op.drop_column("parent_id")
