"""chart points hold any named metric"""

from __future__ import annotations

import math

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = ("loss", "learning_rate", "tokens_per_s", "memory_bytes")
POINT = sa.table(
    "job_metric",
    sa.column("job_id", sa.String),
    sa.column("split", sa.String),
    sa.column("step", sa.Integer),
    sa.column("values", sa.JSON),
    sa.column("loss", sa.Float),
    sa.column("learning_rate", sa.Float),
    sa.column("tokens_per_s", sa.Float),
    sa.column("memory_bytes", sa.BigInteger),
)
THIS = (
    POINT.c.job_id == sa.bindparam("of_job"),
    POINT.c.split == sa.bindparam("of_split"),
    POINT.c.step == sa.bindparam("at_step"),
)


def upgrade() -> None:
    with op.batch_alter_table("job_metric", schema=None) as batch_op:
        batch_op.add_column(sa.Column("values", sa.JSON(), nullable=False, server_default="{}"))
    change = POINT.update().where(*THIS).values({"values": sa.bindparam("new_values", type_=sa.JSON)})
    columns = [POINT.c[name] for name in COLUMNS]
    for job_id in _jobs():
        points = op.get_bind().execute(sa.select(POINT.c.split, POINT.c.step, *columns).where(POINT.c.job_id == job_id))
        changes = [
            {
                "of_job": job_id,
                "of_split": split,
                "at_step": step,
                "new_values": _finite(dict(zip(COLUMNS, old, strict=True))),
            }
            for split, step, *old in points
        ]
        op.get_bind().execute(change, changes)
    with op.batch_alter_table("job_metric", schema=None) as batch_op:
        batch_op.alter_column("values", server_default=None)
        for name in COLUMNS:
            batch_op.drop_column(name)


def downgrade() -> None:
    with op.batch_alter_table("job_metric", schema=None) as batch_op:
        batch_op.add_column(sa.Column("loss", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("learning_rate", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("tokens_per_s", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("memory_bytes", sa.BigInteger(), nullable=True))
    change = POINT.update().where(*THIS).values({name: sa.bindparam(f"new_{name}") for name in COLUMNS})
    for job_id in _jobs():
        points = op.get_bind().execute(
            sa.select(POINT.c.split, POINT.c.step, POINT.c["values"]).where(POINT.c.job_id == job_id)
        )
        changes = [
            {
                "of_job": job_id,
                "of_split": split,
                "at_step": step,
                **{f"new_{name}": values.get(name) for name in COLUMNS},
            }
            for split, step, values in points
        ]
        op.get_bind().execute(change, changes)
    op.execute(POINT.delete().where(POINT.c.loss.is_(None)))  # the older schema has no place for them
    with op.batch_alter_table("job_metric", schema=None) as batch_op:
        batch_op.alter_column("loss", existing_type=sa.Float(), nullable=False)
        batch_op.drop_column("values")


def _jobs() -> list[str]:
    return list(op.get_bind().execute(sa.select(POINT.c.job_id).distinct()).scalars())


def _finite(values: dict[str, float | None]) -> dict[str, float]:
    """JSON has no infinity, and what was not measured is left out."""
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
