"""what jobs use, what they make, and what only some artifacts have"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

USED = ("base_model_id", "dataset_id", "artifact_id")
ONE_THING = " + ".join(f"CASE WHEN {column} IS NULL THEN 0 ELSE 1 END" for column in USED) + " = 1"
DATA_ROLES = {"train": "training", "evaluate": "held_out"}
MODEL_FACTS = ("recipe", "weights_sha256", "verdict")
MODELS = ("adapter", "full_model")


def _string() -> sqlmodel.sql.sqltypes.AutoString:
    return sqlmodel.sql.sqltypes.AutoString()


def _table(name: str, *columns: str, json: tuple[str, ...] = ()) -> sa.TableClause:
    return sa.table(name, *(sa.column(c) for c in columns), *(sa.column(c, sa.JSON) for c in json))


JOB = _table("job", "id", "kind", "base_model_id", "dataset_id", json=("spec",))
ARTIFACT = _table(
    "artifact",
    "id",
    "job_id",
    "kind",
    "base_model_id",
    "dataset_id",
    "weights_sha256",
    json=("recipe", "verdict", "facts"),
)
INPUT = _table("job_input", "job_id", "role", "position", *USED)


def upgrade() -> None:
    _create_inputs()
    connection = op.get_bind()
    _fill_inputs(connection)
    with op.batch_alter_table("job") as batch_op:
        batch_op.drop_column("base_model_id")
        batch_op.drop_column("dataset_id")
    with op.batch_alter_table("artifact") as batch_op:
        batch_op.add_column(sa.Column("facts", sa.JSON(), nullable=True))
    for row in connection.execute(sa.select(ARTIFACT)).mappings().all():
        facts = {name: row[name] for name in MODEL_FACTS}
        connection.execute(sa.update(ARTIFACT).where(ARTIFACT.c.id == row["id"]).values(facts=facts))
    with op.batch_alter_table("artifact") as batch_op:
        batch_op.alter_column("facts", existing_type=sa.JSON(), nullable=False)
        for column in ("base_model_id", "dataset_id", *MODEL_FACTS):
            batch_op.drop_column(column)
    with op.batch_alter_table("dataset") as batch_op:
        batch_op.add_column(sa.Column("made_by_job_id", _string(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_dataset_made_by_job_id_job"), "job", ["made_by_job_id"], ["id"])
        batch_op.create_unique_constraint("uq_dataset_made_by_job_id", ["made_by_job_id"])


def _create_inputs() -> None:
    op.create_table(
        "job_input",
        sa.Column("job_id", _string(), nullable=False),
        sa.Column("role", _string(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *(sa.Column(column, _string(), nullable=True) for column in USED),
        sa.CheckConstraint(ONE_THING, name=op.f("ck_job_input_one_thing")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_input_job_id_job")),
        sa.ForeignKeyConstraint(
            ["base_model_id"], ["base_model.id"], name=op.f("fk_job_input_base_model_id_base_model")
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_job_input_dataset_id_dataset")),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name=op.f("fk_job_input_artifact_id_artifact")),
        sa.PrimaryKeyConstraint("job_id", "role", "position", name=op.f("pk_job_input")),
    )
    with op.batch_alter_table("job_input") as batch_op:
        for column in USED:
            batch_op.create_index(batch_op.f(f"ix_job_input_{column}"), [column], unique=False)


def _fill_inputs(connection: sa.Connection) -> None:
    """From the jobs' two columns, and from the models that an evaluation names in its spec."""
    bases = set(connection.execute(sa.text("SELECT id FROM base_model")).scalars())
    artifacts = set(connection.execute(sa.text("SELECT id FROM artifact")).scalars())
    rows: list[dict[str, Any]] = []
    for job in connection.execute(sa.select(JOB)).mappings().all():

        def add(role: str, position: int = 0, job_id: str = job["id"], **used: str) -> None:
            rows.append({"job_id": job_id, "role": role, "position": position, **dict.fromkeys(USED), **used})

        if job["base_model_id"]:
            add("base", base_model_id=job["base_model_id"])
        if job["dataset_id"]:
            add(DATA_ROLES[job["kind"]], dataset_id=job["dataset_id"])
        if "models" not in job["spec"]:
            continue
        for position, model in enumerate(job["spec"]["models"]):
            if model in bases:
                add("model", position, base_model_id=model)
            elif model in artifacts:
                add("model", position, artifact_id=model)
        left = {key: value for key, value in job["spec"].items() if key != "models"}
        connection.execute(sa.update(JOB).where(JOB.c.id == job["id"]).values(spec=left))
    if rows:
        connection.execute(sa.insert(INPUT), rows)


def downgrade() -> None:
    """Back to one base and one dataset a job; of other kinds of jobs and artifacts than then only jobs' rows stay."""
    connection = op.get_bind()
    with op.batch_alter_table("job") as batch_op:
        for column, table in (("base_model_id", "base_model"), ("dataset_id", "dataset")):
            batch_op.add_column(sa.Column(column, _string(), nullable=True))
            batch_op.create_foreign_key(batch_op.f(f"fk_job_{column}_{table}"), table, [column], ["id"])
    with op.batch_alter_table("artifact") as batch_op:
        for column, table in (("base_model_id", "base_model"), ("dataset_id", "dataset")):
            batch_op.add_column(sa.Column(column, _string(), nullable=True))
            batch_op.create_foreign_key(batch_op.f(f"fk_artifact_{column}_{table}"), table, [column], ["id"])
        batch_op.add_column(sa.Column("recipe", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("weights_sha256", _string(), nullable=True))
        batch_op.add_column(sa.Column("verdict", sa.JSON(), nullable=True))
    _refill_columns(connection)
    with op.batch_alter_table("artifact") as batch_op:
        for column in ("base_model_id", "dataset_id", "weights_sha256"):
            batch_op.alter_column(column, existing_type=_string(), nullable=False)
        for column in ("recipe", "verdict"):
            batch_op.alter_column(column, existing_type=sa.JSON(), nullable=False)
        batch_op.drop_column("facts")
    with op.batch_alter_table("dataset") as batch_op:
        batch_op.drop_constraint("uq_dataset_made_by_job_id", type_="unique")
        batch_op.drop_constraint(batch_op.f("fk_dataset_made_by_job_id_job"), type_="foreignkey")
        batch_op.drop_column("made_by_job_id")


def _refill_columns(connection: sa.Connection) -> None:
    inputs = connection.execute(sa.select(INPUT).order_by(INPUT.c.job_id, INPUT.c.position)).mappings().all()
    op.drop_table("job_input")
    by_job: dict[str, list[Any]] = {}
    for row in inputs:
        by_job.setdefault(row["job_id"], []).append(row)
    for job in connection.execute(sa.select(JOB)).mappings().all():
        rows = by_job.get(job["id"], [])
        base = next((row["base_model_id"] for row in rows if row["role"] == "base"), None)
        data = next((row["dataset_id"] for row in rows if row["dataset_id"]), None)
        models = [row["base_model_id"] or row["artifact_id"] for row in rows if row["role"] == "model"]
        spec = {**job["spec"], "models": models} if models else job["spec"]
        values = {"base_model_id": base, "dataset_id": data, "spec": spec}
        connection.execute(sa.update(JOB).where(JOB.c.id == job["id"]).values(values))
    for artifact in (
        connection.execute(
            sa.select(ARTIFACT.c.id, ARTIFACT.c.kind, ARTIFACT.c.facts, JOB.c.base_model_id, JOB.c.dataset_id).join(
                JOB, JOB.c.id == ARTIFACT.c.job_id
            )
        )
        .mappings()
        .all()
    ):
        where = ARTIFACT.c.id == artifact["id"]
        if artifact["kind"] not in MODELS or not artifact["base_model_id"] or not artifact["dataset_id"]:
            connection.execute(sa.delete(ARTIFACT).where(where))
            continue
        values = {**artifact["facts"], "base_model_id": artifact["base_model_id"], "dataset_id": artifact["dataset_id"]}
        connection.execute(sa.update(ARTIFACT).where(where).values(values))
