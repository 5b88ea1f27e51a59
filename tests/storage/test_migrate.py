"""The schema from revision to revision, on SQLite: nothing that was stored is lost, and models and schema agree."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from storage import db, migrate, users
from storage.data import datasets, openings, uploads
from storage.jobs import events, jobs
from storage.models import User
from tests.conftest import forget_caches
from tests.storage import older_accounts, older_studio

ROWS = b"text,label\n" + b"".join(b"text %d,%d\n" % (i, i % 2) for i in range(20))


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A studio whose database has no tables yet."""
    monkeypatch.setenv("STUDIO_DATA_DIR", str(tmp_path))
    forget_caches()
    yield
    forget_caches()


def columns() -> set[str]:
    with db.engine().connect() as connection:
        return {row[1] for row in connection.execute(text("PRAGMA table_info(dataset)"))}


def added(user: User, name: str) -> None:
    datasets.add(user, uploads.save(user, "data.csv", io.BytesIO(ROWS)), name=name)


def test_the_schema_is_what_the_models_say(studio: User) -> None:
    with db.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_datasets_survive_the_way_there_and_back(studio: User) -> None:
    added(studio, "new")
    command.downgrade(migrate.config(), "0002")
    assert "header" not in columns()
    migrate.upgrade()
    kept = datasets.get(studio, "new")
    assert (kept.header, len(datasets.rows(kept))) == (None, 20)
    seen = datasets.preview(studio, uploads.save(studio, "again.csv", io.BytesIO(ROWS)))
    assert seen.choice.remembered is None, "an older dataset is not known by its columns"
    added(studio, "newer")
    again = datasets.preview(studio, uploads.save(studio, "again.csv", io.BytesIO(ROWS)))
    assert again.choice.remembered is not None
    assert again.choice.remembered.dataset == "newer"


def test_every_revision_leads_to_the_next(empty: None) -> None:
    command.upgrade(migrate.config(), "0002")
    assert "header" not in columns()
    migrate.upgrade()
    assert migrate.current() == migrate.head()
    assert "header" in columns()
    added(users.local(), "first")
    assert datasets.get(users.local(), "first").header


def test_chart_points_keep_their_numbers_there_and_back(studio: User) -> None:
    jobs.submit(studio, name="tone", kind="train", spec={})
    job = jobs.of_user(studio)[0]
    command.downgrade(migrate.config(), "0006")
    stored = [
        (job.id, "held_out", 2, 1, 1.5, None, None, None, 6.0),
        (job.id, "train", 1, 1, 2.5, 0.1, 900.0, 700_000_000, 5.0),
        (job.id, "train", 2, 1, float("inf"), 0.1, None, None, 6.0),
    ]
    names = "job_id, split, step, attempt, loss, learning_rate, tokens_per_s, memory_bytes, at"
    with db.engine().begin() as connection:
        for point in stored:
            values = dict(zip("abcdefghi", point, strict=True))
            connection.execute(
                text(f"INSERT INTO job_metric ({names}) VALUES (:a, :b, :c, :d, :e, :f, :g, :h, :i)"), values
            )
    migrate.upgrade()
    kept = {(point.split, point.step): point.values for point in events.metrics(job.id)}
    assert kept == {
        ("held_out", 2): {"loss": 1.5},
        ("train", 1): {"loss": 2.5, "learning_rate": 0.1, "tokens_per_s": 900.0, "memory_bytes": 700_000_000},
        ("train", 2): {"learning_rate": 0.1},
    }
    command.downgrade(migrate.config(), "0006")
    with db.engine().connect() as connection:
        back = [tuple(row) for row in connection.execute(text(f"SELECT {names} FROM job_metric ORDER BY split, step"))]
    assert back == stored[:2], "a point without a loss has no place there"
    migrate.upgrade()


OLD_JOB = """
INSERT INTO job (id, owner_id, idem_key, name, kind, spec, spec_sha256, dataset_id, state, attempt, lease_until,
                 progress_seq, stuck_attempts, step, total_steps, checkpoint_step, cancel_keep, rung_at, created_at,
                 finished_at)
VALUES (:id, :owner, :id, :id, :kind, '{}', 'x', :dataset, :state, 2, 0, 0, 0, 0, 0, 0, false, 0, 5, 9)
"""


def test_finished_jobs_of_an_older_version_have_opened_their_held_out_side(studio: User) -> None:
    added(studio, "mail")
    mail = datasets.get(studio, "mail")
    command.downgrade(migrate.config(), "0004")
    with db.engine().begin() as connection:
        for name, kind, state, dataset in (
            ("trained", "train", "SUCCEEDED", mail.id),
            ("scored", "evaluate", "SUCCEEDED", mail.id),
            ("failed", "train", "FAILED", mail.id),
            ("on a suite", "evaluate", "SUCCEEDED", None),
        ):
            job = {"id": name, "owner": studio.id, "kind": kind, "state": state, "dataset": dataset}
            connection.execute(text(OLD_JOB), job)
    migrate.upgrade()
    with db.engine().connect() as connection:
        opened = connection.execute(text("SELECT job_id, attempt, at FROM held_out_opening ORDER BY job_id")).all()
    assert [tuple(row) for row in opened] == [("scored", 2, 9.0), ("trained", 2, 9.0)]
    assert openings.of(mail) == 2


def test_older_accounts_get_an_administrator_and_names_of_their_own(empty: None) -> None:
    older_accounts.check()


def test_a_studio_of_the_version_before_keeps_everything(empty: None) -> None:
    older_studio.check()
    with db.engine().connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
