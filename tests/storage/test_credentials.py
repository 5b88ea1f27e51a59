"""Users' tokens: encrypted at rest, each its owner's, and readable with the same key only."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlmodel import select

from storage import belongings, credentials, db, users
from storage.models import Credential, User
from storage.settings import settings
from templates.errors import BadInput, StudioError
from tests.conftest import forget_caches

TOKEN = "hf_0123456789abcdef"
KEY = "a long and random key"


def value(user: User) -> str | None:
    found = credentials.token(user.id, credentials.HUB)
    return found.get_secret_value() if found else None


def test_a_token_is_kept_replaced_and_forgotten(studio: User) -> None:
    assert not credentials.exists(studio.id, credentials.HUB)
    assert value(studio) is None
    credentials.keep(studio.id, credentials.HUB, f" {TOKEN}\n")
    assert value(studio) == TOKEN
    credentials.keep(studio.id, credentials.HUB, "hf_second")
    assert value(studio) == "hf_second"
    assert credentials.forget(studio.id, credentials.HUB)
    assert not credentials.forget(studio.id, credentials.HUB)
    assert value(studio) is None


def test_no_file_of_the_studio_holds_it_in_clear(studio: User) -> None:
    credentials.keep(studio.id, credentials.HUB, TOKEN)
    with sqlite3.connect(settings().root / "studio.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = [path for path in settings().root.rglob("*") if path.is_file()]
    assert settings().root / "studio.db" in files
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    (key,) = (path for path in files if path.name == "credentials.secret")
    assert key.stat().st_mode & 0o777 == 0o600


def test_each_user_has_their_own_and_a_removed_one_has_none(studio: User) -> None:
    alice, bob = (users.add(name, "correct horse battery") for name in ("alice", "bob"))
    credentials.keep(bob.id, credentials.HUB, TOKEN)
    assert not credentials.exists(alice.id, credentials.HUB)
    belongings.remove_owner(bob)
    with db.reading() as session:
        assert session.exec(select(Credential)).all() == []


def test_another_key_is_noticed_in_words(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert credentials.fingerprint() == ""
    credentials.keep(studio.id, credentials.HUB, TOKEN)
    from_file = credentials.fingerprint()
    assert credentials.can_read_all()
    monkeypatch.setenv("STUDIO_SECRET_KEY", KEY)
    forget_caches()
    assert credentials.fingerprint() not in ("", from_file)
    assert not credentials.can_read_all()
    with pytest.raises(StudioError, match="encrypted with another key") as refused:
        credentials.token(studio.id, credentials.HUB)
    assert "STUDIO_SECRET_KEY" in str(refused.value)
    credentials.keep(studio.id, credentials.HUB, TOKEN)
    assert value(studio) == TOKEN


def test_a_short_key_is_refused(studio: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_SECRET_KEY", "secret")
    forget_caches()
    with pytest.raises(BadInput, match="at least 16") as refused:
        settings()
    assert "secret" not in str(refused.value).replace("STUDIO_SECRET_KEY", "")
    monkeypatch.delenv("STUDIO_SECRET_KEY")


@pytest.mark.parametrize("token", ["", "  ", "two words", "x" * 3000, "hf_\0"])
def test_what_is_not_a_token_is_refused(studio: User, token: str) -> None:
    with pytest.raises(BadInput, match="token"):
        credentials.keep(studio.id, credentials.HUB, token)
    assert not credentials.exists(studio.id, credentials.HUB)
