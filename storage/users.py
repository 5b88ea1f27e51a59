"""Users and their accounts. Every storage function that reads or changes a user's things takes the acting `User`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from storage import db, passwords
from storage.models import User
from templates.errors import Conflict, NotFound, Problem, refuse

LOCAL = "local"
MIN_PASSWORD_CHARS = 10
_HAS_PASSWORD = col(User.password_hash).is_not(None)


def local() -> User:
    """The single user of a studio that listens on loopback only, and of its commands; made on first use."""
    return find(LOCAL) or _insert_local()


def find(name: str) -> User | None:
    """The user of this name, if there is one."""
    with db.reading() as session:
        return session.exec(select(User).where(User.name == name)).one_or_none()


def with_id(user_id: str) -> User:
    """The user of this id, who may have been removed."""
    with db.reading() as session:
        return session.get_one(User, user_id)


def accounts() -> Sequence[User]:
    """Everybody who can log in, by name."""
    with db.reading() as session:
        return session.exec(select(User).where(_HAS_PASSWORD).order_by(User.name)).all()


def account(name: str) -> User:
    """The account of this name. Raises `NotFound`; the local user is no account."""
    user = find(name)
    if user is None or user.password_hash is None:
        raise NotFound(f"There is no account “{name}”.", remedy="`studio users list` shows the accounts.")
    return user


def any_accounts() -> bool:
    """Whether somebody can log in with a password."""
    with db.reading() as session:
        return session.exec(select(User.id).where(_HAS_PASSWORD).limit(1)).first() is not None


def add(name: str, password: str, *, admin: bool = False) -> User:
    """Make an account; the first one is an administrator's.

    Raises `BadInput` for an unusable name or password, `Conflict` for a taken name.
    """
    refuse([*_name_problems(name), *_password_problems(password)])
    password_hash = passwords.hashed(password)
    try:
        with db.writing() as session:
            is_first = session.exec(select(User.id).where(_HAS_PASSWORD)).first() is None
            user = User(
                name=name, password_hash=password_hash, is_admin=admin or is_first, created_at=db.clock(session)
            )
            session.add(user)
    except IntegrityError as error:
        raise Conflict(f"There is already a user “{name}”.") from error
    return user


def _name_problems(name: str) -> list[Problem]:
    if not re.fullmatch(r"[A-Za-z0-9][\w.@-]{0,63}", name):
        return [Problem("use 1–64 letters, digits and . _ @ -, starting with a letter or digit.", field="name")]
    if name == LOCAL:
        return [Problem(f"“{LOCAL}” is the user of commands on this machine.", field="name", remedy="Choose another.")]
    return []


def _password_problems(password: str) -> list[Problem]:
    if len(password) >= MIN_PASSWORD_CHARS:
        return []
    return [Problem(f"use at least {MIN_PASSWORD_CHARS} characters.", field="password")]


def with_password(name: str, password: str) -> User | None:
    """The user, if name and password match; takes just as long for an unknown name.

    Makes the hash again if it dates from an older version.
    """
    with db.reading() as session:
        user = session.exec(select(User).where(User.name == name)).one_or_none()
        older = select(User.id).where(_HAS_PASSWORD, col(User.password_hash).not_like(f"{passwords.MODERN}%"))
        older_exist = session.exec(older.limit(1)).first() is not None
    stored = user.password_hash if user else None
    if not passwords.fits(password, stored, older_exist=older_exist):
        return None
    assert user is not None
    assert stored is not None
    return _renewed(user, stored, password) if passwords.is_dated(stored) else user


def _renewed(user: User, stored: str, password: str) -> User | None:
    fresh = passwords.hashed(password)
    with db.writing() as session:
        same = update(User).where(col(User.id) == user.id, col(User.password_hash) == stored)
        session.exec(same.values(password_hash=fresh))
    return find(user.name)  # somebody may have changed the password or removed the account meanwhile


def set_password(name: str, password: str) -> User:
    """Change an account's password; whoever is logged in with the old one has to log in again.

    Raises `NotFound`, and `BadInput` for an unusable password.
    """
    user = account(name)
    refuse(_password_problems(password))
    password_hash = passwords.hashed(password)
    with db.writing() as session:
        kept = session.get_one(User, user.id)
        kept.password_hash = password_hash
    return kept


def set_admin(name: str, is_admin: bool) -> User:
    """Make an account an administrator's, or an ordinary one again.

    Raises `NotFound`, and `Conflict` if no administrator would be left.
    """
    user = account(name)
    with db.writing() as session:
        if not is_admin:
            refuse_last_admin(session, user)
        kept = session.get_one(User, user.id)
        kept.is_admin = is_admin
    return kept


def refuse_last_admin(session: Session, user: User) -> None:
    """Raise `Conflict` if no other account is an administrator's; locks the administrators' rows."""
    admins = select(User.id).where(_HAS_PASSWORD, col(User.is_admin).is_(True)).order_by(User.id).with_for_update()
    if set(session.exec(admins).all()) <= {user.id}:
        raise Conflict(
            f"“{user.name}” is the only administrator.",
            code="last_administrator",
            remedy="Make somebody else an administrator first (`studio users promote NAME`).",
        )


def _insert_local() -> User:
    try:
        with db.writing() as session:
            user = User(name=LOCAL, is_admin=True, created_at=db.clock(session))
            session.add(user)
        return user
    except IntegrityError:  # another process made it first
        found = find(LOCAL)
        if found is None:
            raise
        return found
