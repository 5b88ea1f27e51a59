"""Accounts: the first is an administrator's, and one administrator always remains."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from storage import users
from storage.models import User
from templates.errors import BadInput, Conflict, NotFound

PASSWORD = "correct horse battery"


def test_the_first_account_is_an_administrators(studio: User) -> None:
    made = [users.add(name, PASSWORD) for name in ("zoe", "bob")]
    assert [user.is_admin for user in made] == [True, False]
    assert [user.name for user in users.accounts()] == ["bob", "zoe"], "the local user is no account"
    assert users.add("carol", PASSWORD, admin=True).is_admin
    assert studio.is_admin


def test_a_taken_name_stays_with_its_owner(studio: User) -> None:
    users.add("alice", PASSWORD)
    with pytest.raises(Conflict, match="already a user “alice”"):
        users.add("alice", "another long password")
    assert users.with_password("alice", PASSWORD)


def test_of_two_accounts_made_at_once_one_is_refused(studio: User) -> None:
    def make(password: str) -> str:
        try:
            return users.add("alice", password).name
        except Conflict:
            return password

    given = [f"{PASSWORD} {number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(make, given))
    assert told.count("alice") == 1
    assert users.with_password("alice", given[told.index("alice")])


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "x" * 65, "local", "bob (removed 1)"])
def test_an_unusable_name_is_refused(studio: User, name: str) -> None:
    with pytest.raises(BadInput, match="name"):
        users.add(name, PASSWORD)


def test_the_last_administrator_stays_one(studio: User) -> None:
    users.add("alice", PASSWORD)
    users.add("bob", PASSWORD)
    with pytest.raises(Conflict, match="only administrator"):
        users.set_admin("alice", False)
    users.set_admin("bob", True)
    assert not users.set_admin("alice", False).is_admin
    with pytest.raises(Conflict, match="only administrator"):
        users.set_admin("bob", False)
    assert not users.set_admin("alice", False).is_admin, "it was none already"


def test_a_password_can_be_changed(studio: User) -> None:
    users.add("alice", PASSWORD)
    with pytest.raises(BadInput, match="at least 10"):
        users.set_password("alice", "short")
    users.set_password("alice", "another long password")
    assert users.with_password("alice", PASSWORD) is None
    assert users.with_password("alice", "another long password")
    for name in ("local", "nobody"):
        with pytest.raises(NotFound):
            users.set_password(name, PASSWORD)
