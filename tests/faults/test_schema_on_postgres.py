"""The schema from revision to revision, on PostgreSQL: what an older version stored is still there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from storage import db, migrate, users
from storage.data import datasets, openings, uploads
from storage.jobs import events
from tests.conftest import forget_caches
from tests.faults.conftest import Servers
from tests.storage import older_accounts, older_studio

OLDER_USER = """INSERT INTO "user" (id, name, created_at) VALUES ('u', 'local', 0)"""
OLDER = """
INSERT INTO dataset (id, owner_id, name, shape, source_filename, sha256, mapping, n_rows, n_held_out, split_seed,
                     labels, remarks, fixes, created_at)
VALUES ('d', :owner, 'older', 'text', 'older.txt', 'ab', '{}', 2, 1, 42, '[]', '[]', '[]', 0)
"""


@pytest.fixture
def fresh(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A studio on a database of its own in the shared server, without tables."""
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS revisions WITH (FORCE)")
        connection.execute("CREATE DATABASE revisions")
    address, _, query = servers.database.partition("?")
    database = f"{address.rpartition('/')[0]}/revisions{'?' if query else ''}{query}"
    monkeypatch.setenv("STUDIO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STUDIO_DATABASE_URL", database)
    forget_caches()
    yield
    forget_caches()


def test_an_older_dataset_is_still_there(fresh: None) -> None:
    command.upgrade(migrate.config(), "0002")
    with db.engine().begin() as connection:
        connection.execute(text(OLDER_USER))
        connection.execute(text(OLDER), {"owner": "u"})
    migrate.upgrade()
    older = datasets.get(users.local(), "older")
    assert (older.header, older.n_rows) == (None, 2)
    with db.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


OLDER_JOB = """
INSERT INTO job (id, owner_id, idem_key, name, kind, spec, spec_sha256, dataset_id, state, attempt, lease_until,
                 progress_seq, stuck_attempts, step, total_steps, checkpoint_step, cancel_keep, rung_at, created_at,
                 finished_at)
VALUES ('j', :owner, 'j', 'older', 'train', '{}', 'x', 'd', 'SUCCEEDED', 1, 0, 0, 0, 0, 0, 0, false, 0, 5, 9)
"""
OLDER_POINTS = """
INSERT INTO job_metric (job_id, split, step, attempt, loss, learning_rate, tokens_per_s, memory_bytes, at)
VALUES ('j', 'train', 1, 1, 2.5, 0.1, 900.0, 7000000000, 6), ('j', 'train', 2, 1, 'NaN', 0.1, NULL, NULL, 7),
       ('j', 'held_out', 2, 1, 1.5, NULL, NULL, NULL, 7)
"""


def test_an_older_job_keeps_its_charts_and_has_opened_its_held_out_side(fresh: None) -> None:
    command.upgrade(migrate.config(), "0004")
    with db.engine().begin() as connection:
        for older in (OLDER_USER, OLDER, OLDER_JOB, OLDER_POINTS):
            connection.execute(text(older), {"owner": "u"} if ":owner" in older else {})
    migrate.upgrade()
    assert openings.of(datasets.get(users.local(), "older")) == 1
    points = {(point.split, point.step): point.values for point in events.metrics("j")}
    first = {"loss": 2.5, "learning_rate": 0.1, "tokens_per_s": 900.0, "memory_bytes": 7_000_000_000}
    assert points == {("train", 1): first, ("train", 2): {"learning_rate": 0.1}, ("held_out", 2): {"loss": 1.5}}
    command.downgrade(migrate.config(), "0004")
    with db.engine().connect() as connection:
        back = connection.execute(text("SELECT split, loss, memory_bytes FROM job_metric ORDER BY split")).all()
    assert [tuple(row) for row in back] == [("held_out", 1.5, None), ("train", 2.5, 7_000_000_000)]


def test_what_is_remembered_is_found_there_too(fresh: None) -> None:
    migrate.upgrade()
    user, rows = users.local(), b"a,b\n" + b"".join(b"question %d,answer %d\n" % (i, i) for i in range(9))
    upload = uploads.save(user, "rows.csv", io.BytesIO(rows))
    datasets.add(user, upload, name="first", mapping={"prompt": "b", "completion": "a"})
    assert datasets.preview(user, upload).mapping == {"prompt": "b", "completion": "a"}


def test_older_accounts_get_an_administrator_and_names_of_their_own(fresh: None) -> None:
    older_accounts.check()


def test_a_studio_of_the_version_before_keeps_everything(fresh: None) -> None:
    older_studio.check()
