"""openings of held-out sides"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FROM_FINISHED_JOBS = """
INSERT INTO held_out_opening (job_id, attempt, dataset_id, at)
SELECT job.id, job.attempt, job_input.dataset_id, COALESCE(job.finished_at, job.created_at)
FROM job JOIN job_input ON job_input.job_id = job.id AND job_input.role IN ('training', 'held_out')
WHERE job.state = 'SUCCEEDED' AND job.kind IN ('train', 'evaluate')
"""
"""Each of them gave a verdict or scores on the dataset's held-out rows; one on a suite names no dataset."""


def upgrade() -> None:
    op.create_table(
        "held_out_opening",
        sa.Column("job_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_held_out_opening_dataset_id_dataset")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_held_out_opening_job_id_job")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_held_out_opening")),
    )
    with op.batch_alter_table("held_out_opening", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_held_out_opening_dataset_id"), ["dataset_id"], unique=False)
    op.execute(FROM_FINISHED_JOBS)


def downgrade() -> None:
    with op.batch_alter_table("held_out_opening", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_held_out_opening_dataset_id"))
    op.drop_table("held_out_opening")
