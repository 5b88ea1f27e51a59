"""votes in blind comparisons, and the datasets made of them"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None


def _string() -> sqlmodel.sql.sqltypes.AutoString:
    return sqlmodel.sql.sqltypes.AutoString()


def upgrade() -> None:
    op.create_table(
        "vote",
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.Column("left", sa.JSON(), nullable=False),
        sa.Column("right", sa.JSON(), nullable=False),
        sa.Column("sampling", sa.JSON(), nullable=False),
        sa.Column("id", _string(), nullable=False),
        sa.Column("owner_id", _string(), nullable=False),
        sa.Column("left_model", _string(), nullable=False),
        sa.Column("right_model", _string(), nullable=False),
        sa.Column("source", _string(), nullable=False),
        sa.Column("dataset_id", _string(), nullable=True),
        sa.Column("choice", _string(), nullable=True),
        sa.Column("note", _string(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("voted_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_vote_dataset_id_dataset")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_vote_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
    )
    with op.batch_alter_table("vote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vote_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_vote_dataset_id"), ["dataset_id"], unique=False)
        batch_op.create_index("ix_vote_owner_id_created_at", ["owner_id", "created_at", "id"], unique=False)
    op.create_table(
        "dataset_vote",
        sa.Column("dataset_id", _string(), nullable=False),
        sa.Column("vote_id", _string(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_vote_dataset_id_dataset")),
        sa.ForeignKeyConstraint(["vote_id"], ["vote.id"], name=op.f("fk_dataset_vote_vote_id_vote")),
        sa.PrimaryKeyConstraint("dataset_id", "vote_id", name=op.f("pk_dataset_vote")),
    )
    with op.batch_alter_table("dataset_vote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dataset_vote_vote_id"), ["vote_id"], unique=False)


def downgrade() -> None:
    op.drop_table("dataset_vote")
    op.drop_table("vote")
