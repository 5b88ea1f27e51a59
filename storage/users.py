"""Users. Every storage function that reads or changes a user's things takes the acting `User`."""

from __future__ import annotations

import hashlib
import hmac
import os
import re

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from storage import db
from storage.models import User
from templates.errors import BadInput, Conflict, Problem

LOCAL = "local"
MIN_PASSWORD_CHARS = 10
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def local() -> User:
    """The single user of a studio that listens on loopback only; made on first use."""
    return find(LOCAL) or _insert(LOCAL, None)


def find(name: str) -> User | None:
    """The user of this name, if there is one."""
    with db.reading() as session:
        return session.exec(select(User).where(User.name == name)).one_or_none()


def add(name: str, password: str) -> User:
    """Make an account. Raises `BadInput` for an unusable name or password, `Conflict` for a taken name."""
    problems = []
    if not re.fullmatch(r"[A-Za-z0-9][\w.@-]{0,63}", name):
        problems.append(Problem("use 1–64 letters, digits and . _ @ -, starting with a letter or digit.", field="name"))
    if len(password) < MIN_PASSWORD_CHARS:
        problems.append(Problem(f"use at least {MIN_PASSWORD_CHARS} characters.", field="password"))
    if problems:
        raise BadInput(*problems)
    if find(name):
        raise Conflict(f"There is already a user “{name}”.")
    return _insert(name, _hashed(password))


def with_password(name: str, password: str) -> User | None:
    """The user, if name and password match; takes just as long for an unknown name."""
    user = find(name)
    stored = (user and user.password_hash) or _hashed("no such user")
    salt, _, expected = stored.partition("$")
    fits = hmac.compare_digest(_derive(password, bytes.fromhex(salt)), bytes.fromhex(expected))
    return user if fits and user and user.password_hash else None


def any_accounts() -> bool:
    """Whether somebody can log in with a password."""
    with db.reading() as session:
        return session.exec(select(User.id).where(User.password_hash != None)).first() is not None  # noqa: E711


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)


def _hashed(password: str) -> str:
    salt = os.urandom(16)
    return f"{salt.hex()}${_derive(password, salt).hex()}"


def _insert(name: str, password_hash: str | None) -> User:
    try:
        with db.writing() as session:
            user = User(name=name, password_hash=password_hash, created_at=db.clock(session))
            session.add(user)
        return user
    except IntegrityError:  # another process made it first
        found = find(name)
        if found is None:
            raise
        return found
