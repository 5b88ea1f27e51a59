"""the answers that a generation dropped, and the teacher that gave a dataset's answers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dataset") as batch_op:
        batch_op.add_column(sa.Column("dropped_sha256", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("teacher", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("dataset") as batch_op:
        batch_op.drop_column("teacher")
        batch_op.drop_column("dropped_sha256")
