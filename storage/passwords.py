"""Password hashes: argon2id, and the scrypt hashes of older versions until their owners log in again."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

MODERN = "$argon2"
"""The beginning of an argon2 hash; scrypt hashes are `salt$key` in hexadecimal digits."""
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_SALT_BYTES = 16


@cache
def hasher() -> PasswordHasher:
    """The way new hashes are made, with the low-memory parameters of RFC 9106 (64 MiB)."""
    return PasswordHasher()


@cache
def _nobodys() -> str:
    """A hash that no password fits: it is checked for names without one."""
    return hasher().hash(secrets.token_urlsafe(32))


def hashed(password: str) -> str:
    """A new hash of the password."""
    return hasher().hash(password)


def is_dated(stored: str) -> bool:
    """Whether the hash should be made again with today's algorithm and parameters."""
    return not stored.startswith(MODERN) or hasher().check_needs_rehash(stored)


def fits(password: str, stored: str | None, *, older_exist: bool) -> bool:
    """Whether the password has this hash. Does the same work for every hash, and for none.

    `older_exist` says that somebody's hash is still scrypt. Then every check derives both keys, so that its
    duration doesn't tell which names have such a hash.
    """
    nobodys, is_modern = _nobodys(), stored is not None and stored.startswith(MODERN)
    modern_fits = _modern_fits(password, stored if stored and is_modern else nobodys)
    older_fits = older_exist and _older_fits(password, stored if stored and not is_modern else None)
    return modern_fits if is_modern else older_fits


def _modern_fits(password: str, stored: str) -> bool:
    try:
        return hasher().verify(stored, password)
    except VerifyMismatchError:
        return False


def _older_fits(password: str, stored: str | None) -> bool:
    salt, _, expected = (stored or f"{'00' * _SALT_BYTES}$").partition("$")
    derived = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_SCRYPT)
    return hmac.compare_digest(derived, bytes.fromhex(expected))
