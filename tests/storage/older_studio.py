"""A studio as revision 0004 left it: one dataset, two trainings, a finished evaluation and two jobs that wait.

The rows in `studio_0004.json` were written by that version's own commands, and taken from its database.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import MetaData, insert, select

from storage import db, job_inputs, migrate, users
from storage.data import datasets
from storage.gallery import artifacts
from storage.jobs import jobs
from templates.errors import Conflict
from templates.roles import Role

Rows = dict[str, list[dict[str, Any]]]
FILE = Path(__file__).parent / "studio_0004.json"


def make() -> Rows:
    """Make the database of this studio, of the old schema; returns what is in it, by table."""
    command.upgrade(migrate.config(), "0004")
    rows: Rows = json.loads(FILE.read_text("utf-8"))
    tables = _reflected()
    with db.engine().begin() as connection:
        for table, values in rows.items():
            connection.execute(insert(tables.tables[table]), values)
    return rows


def read() -> Rows:
    """The database's rows by table, in the order of their keys."""
    tables = _reflected()
    with db.engine().connect() as connection:
        return {
            name: [dict(row) for row in connection.execute(select(tables.tables[name])).mappings()]
            for name in json.loads(FILE.read_text("utf-8"))
        }


def _reflected() -> MetaData:
    tables = MetaData()
    tables.reflect(db.engine())
    return tables


def check() -> None:
    """After the upgrade everything is in its new place, and goes back to where it was."""
    before = make()
    migrate.upgrade()
    _check_upgraded(before)
    command.downgrade(migrate.config(), "0004")
    after = read()
    for name, rows in before.items():
        key = "id" if "id" in rows[0] else "job_id"
        assert sorted(after[name], key=lambda row: str(row[key])) == sorted(rows, key=lambda row: str(row[key])), name
    migrate.upgrade()


def _check_upgraded(before: Rows) -> None:
    user = users.local()
    found = {job.name: job for job in jobs.of_user(user)}
    used = {name: job_inputs.of_job(job.id) for name, job in found.items()}
    named = {name: [(one.role, one.thing.name) for one in inputs] for name, inputs in used.items()}
    trained = [("base", "studio-nano"), ("training", "tickets")]
    assert named == {
        "tone": trained,
        "whole": trained,
        "waits": trained,
        "scored": [("held_out", "tickets"), ("model", "studio-nano"), ("model", "tone"), ("model", "whole")],
        "abilities": [("model", "tone")],
    }
    assert found["scored"].spec == {"names": ["studio-nano", "tone", "whole"]}
    for row in before["artifact"]:
        artifact = artifacts.get(user, row["name"])
        told = artifacts.model_facts(artifact)
        assert (told.recipe, told.weights_sha256, told.verdict) == (
            row["recipe"],
            row["weights_sha256"],
            row["verdict"],
        )
        assert artifacts.base_of(artifact).id == row["base_model_id"]
        inputs = job_inputs.of_job(artifact.job_id)
        assert [thing.id for thing in inputs.all(Role.TRAINING)] == [row["dataset_id"]]
    with pytest.raises(Conflict, match="“waits”"):
        datasets.delete(user, "tickets")
    with pytest.raises(Conflict, match="“abilities”"):
        artifacts.delete(user, "tone")
