"""users' tokens for other services, the key that a worker reads them with, and the job that added a base model"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credential",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_credential_owner_id_user")),
        sa.PrimaryKeyConstraint("owner_id", "service", name=op.f("pk_credential")),
    )
    with op.batch_alter_table("worker") as batch_op:
        batch_op.add_column(sa.Column("secret_key", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("worker") as batch_op:
        batch_op.alter_column("secret_key", server_default=None)
    with op.batch_alter_table("base_model") as batch_op:
        batch_op.add_column(sa.Column("made_by_job_id", sa.String(), nullable=True))
        batch_op.create_foreign_key("fk_base_model_made_by_job_id_job", "job", ["made_by_job_id"], ["id"])
        batch_op.create_unique_constraint("uq_base_model_made_by_job_id", ["made_by_job_id"])


def downgrade() -> None:
    with op.batch_alter_table("base_model") as batch_op:
        batch_op.drop_constraint("uq_base_model_made_by_job_id", type_="unique")
        batch_op.drop_constraint("fk_base_model_made_by_job_id_job", type_="foreignkey")
        batch_op.drop_column("made_by_job_id")
    with op.batch_alter_table("worker") as batch_op:
        batch_op.drop_column("secret_key")
    op.drop_table("credential")
