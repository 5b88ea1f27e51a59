"""indices for the pages of lists"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDICES = {
    "ix_job_owner_id_created_at": ("job", ["owner_id", "created_at", "id"]),
    "ix_job_owner_id_state_created_at": ("job", ["owner_id", "state", "created_at", "id"]),
    "ix_dataset_owner_id_created_at": ("dataset", ["owner_id", "created_at", "id"]),
    "ix_artifact_owner_id_created_at": ("artifact", ["owner_id", "created_at", "id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDICES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDICES.items():
        op.drop_index(name, table_name=table)
