"""Only the studio's own account can read what it keeps, also what an older version made."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import db, migrate, private, users
from storage.jobs import queue
from storage.settings import settings
from tests.conftest import forget_caches


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that is open to others, as somebody may have made it."""
    made = tmp_path / "data"
    made.mkdir(mode=0o755)
    monkeypatch.setenv("STUDIO_DATA_DIR", str(made))
    forget_caches()
    return made


def test_a_new_studio_is_closed_to_others(folder: Path) -> None:
    migrate.upgrade()
    users.local()
    assert queue.ring("a")
    with db.reading() as session:
        session.connection()
        found = {path.name: mode(path) for path in folder.iterdir() if path.is_file()}
    assert {"studio.db", "studio.db-wal", "studio.db-shm", "broker.db"} <= set(found)
    assert set(found.values()) == {0o600}
    assert mode(folder) == 0o700


def test_what_was_open_is_closed_at_the_next_start(folder: Path) -> None:
    for name in ("studio.db", "studio.db-wal", "studio.db-shm", "broker.db"):
        (folder / name).touch(mode=0o644)
    db.engine()
    queue.ring("a")
    assert {mode(path) for path in folder.iterdir() if path.is_file()} == {0o600}
    assert mode(settings().root) == 0o700


def test_a_folder_that_all_accounts_share_stays_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    private.close_folder(tmp_path)
    assert mode(tmp_path) == 0o777
