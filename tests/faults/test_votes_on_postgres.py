"""Votes on PostgreSQL: keys pressed at once, records, and votes that a dataset holds."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from storage import belongings, db, migrate, users
from storage.bases import base_models
from storage.votes import contenders, preference_data, tallies, votes
from templates.errors import Conflict
from tests.conftest import forget_caches
from tests.faults.conftest import Servers
from tests.storage.votes.voting import NANO, SMALL, asked, voted

N_AT_ONCE = 6


@pytest.fixture
def fresh(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A studio on a database of its own in the shared server."""
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS votes WITH (FORCE)")
        connection.execute("CREATE DATABASE votes")
    address, _, query = servers.database.partition("?")
    monkeypatch.setenv("STUDIO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STUDIO_DATABASE_URL", f"{address.rpartition('/')[0]}/votes{'?' if query else ''}{query}")
    forget_caches()
    migrate.upgrade()
    base_models.sync_bundled()
    yield
    db.engine().dispose()
    forget_caches()


def test_votes_are_counted_once_kept_and_deleted(fresh: None) -> None:
    user = users.add("alice", "correct horse battery")
    users.add("root", "correct horse battery", admin=True)
    question = asked(user, "Is it?")
    with ThreadPoolExecutor(N_AT_ONCE) as pool:
        given = list(pool.map(lambda _: votes.cast(user, question.id, "left")[1], range(N_AT_ONCE)))
    assert sum(given) == 1
    voted(user, "Was it?", "right")
    voted(user, "Will it?", "tie")
    assert votes.records(user) == {contenders.of(user, NANO).id: (1, 3), contenders.of(user, SMALL).id: (1, 3)}
    assert [vote.choice for vote in votes.page(user).rows] == ["tie", "right", "left"]
    assert tallies.of(user).pairs[0].share.value == 0.5
    made = preference_data.make(user)
    assert (made.n_rows, preference_data.lineage(made)) == (2, preference_data.Lineage(2, [NANO, SMALL]))
    with pytest.raises(Conflict):
        votes.take_back(user, question.id)
    belongings.remove_owner(user, delete=True)
    assert votes.count(user) == 0
