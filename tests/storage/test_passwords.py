"""Password hashes: strong ones, older ones until the next login, and the same work for every name."""

from __future__ import annotations

import hashlib

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlmodel import col, select

from storage import db, passwords, users
from storage.models import User
from tests.conftest import QUICK_HASHES

PASSWORD = "correct horse battery"


def older_hash(password: str) -> str:
    """As versions before argon2 made it."""
    salt = b"0123456789abcdef"
    return f"{salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"


def stored(name: str) -> str:
    with db.reading() as session:
        return session.exec(select(User.password_hash).where(col(User.name) == name)).one() or ""


def put(name: str, password_hash: str) -> None:
    with db.writing() as session:
        session.exec(select(User).where(User.name == name)).one().password_hash = password_hash


def test_new_hashes_cost_what_they_should() -> None:
    made = passwords.hashed(PASSWORD)
    told = extract_parameters(made)
    assert (told.type.name, told.memory_cost >= 19 * 1024, told.time_cost >= 2) == ("ID", True, True)
    assert passwords.fits(PASSWORD, made, older_exist=False)
    assert not passwords.fits("another password", made, older_exist=False)
    assert not passwords.is_dated(made)
    assert passwords.is_dated(QUICK_HASHES.hash(PASSWORD))


def test_an_older_hash_is_verified_and_made_again_at_the_next_login(studio: User) -> None:
    users.add("alice", PASSWORD)
    put("alice", older_hash(PASSWORD))
    assert users.with_password("alice", "another password") is None
    assert stored("alice") == older_hash(PASSWORD)
    user = users.with_password("alice", PASSWORD)
    assert user is not None
    assert user.password_hash == stored("alice") != older_hash(PASSWORD)
    assert stored("alice").startswith("$argon2id$")
    assert users.with_password("alice", PASSWORD)
    assert users.with_password("alice", "another password") is None


class Work:
    """Counts what a check derives, by algorithm and cost."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[object] = []
        verify, scrypt = PasswordHasher.verify, hashlib.scrypt

        def counted_verify(hasher: PasswordHasher, stored: str, password: str) -> bool:
            self.done.append(extract_parameters(stored))
            return verify(hasher, stored, password)

        def counted_scrypt(password: bytes, **options: int) -> bytes:
            self.done.append(tuple(options[name] for name in ("n", "r", "p")))
            return scrypt(password, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(PasswordHasher, "verify", counted_verify)
        monkeypatch.setattr(hashlib, "scrypt", counted_scrypt)

    def of(self, name: str) -> list[object]:
        self.done.clear()
        assert users.with_password(name, "a wrong password") is None
        return list(self.done)


def test_every_name_takes_the_same_work(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("alice", PASSWORD)
    users.add("older", PASSWORD)
    work = Work(monkeypatch)
    of_alice = work.of("alice")
    assert len(of_alice) == 1
    assert work.of("nobody") == work.of("local") == of_alice
    put("older", older_hash(PASSWORD))
    of_older = work.of("older")
    assert len(of_older) == 2
    assert work.of("alice") == work.of("nobody") == work.of("local") == of_older
