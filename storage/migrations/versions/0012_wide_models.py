"""the workers' speed with wide models

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("worker") as table:
        table.add_column(sa.Column("wide_flop_per_s", sa.Float(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("worker") as table:
        table.drop_column("wide_flop_per_s")
