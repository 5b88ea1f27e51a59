"""Users' tokens for other services: encrypted in the database, read only to make a request for their owner.

The key comes from `STUDIO_SECRET_KEY`, or from a file in the data folder that only the studio's account can read.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from pydantic import SecretStr
from sqlalchemy import delete
from sqlmodel import Session, col, select

from storage import db
from storage.models import Credential
from storage.settings import secret, settings
from templates.errors import Problem, StudioError, refuse

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

HUB = "hub"
SERVICES = {HUB: "the Hugging Face hub"}
"""Services with a name of their own; others are called by their address (`storage.endpoints`)."""
KEY_FILE = "credentials"
MAX_CHARS = 2_000
FINGERPRINT_CHARS = 12
_VISIBLE = re.compile(r"[!-~]+")


def keep(user_id: str, service: str, token: str) -> None:
    """Store the user's token for the service in place of an earlier one. Raises `BadInput`."""
    refuse(flaws(service, token))
    sealed = _fernet().encrypt(token.strip().encode()).decode()
    with db.writing() as session:
        session.merge(Credential(owner_id=user_id, service=service, sealed=sealed, created_at=db.clock(session)))


def flaws(service: str, token: str) -> list[Problem]:
    """The reasons why this can't be a token for the service."""
    token = token.strip()
    if _VISIBLE.fullmatch(token) and len(token) <= MAX_CHARS:
        return []
    what = "is empty." if not token else "is not a token: a token is one word of visible characters."
    return [Problem(what, field="token", remedy=f"Copy the whole token from {_named(service)}.")]


def forget(user_id: str, service: str) -> bool:
    """Delete the user's token for the service; returns whether there was one."""
    mine = (col(Credential.owner_id) == user_id, col(Credential.service) == service)
    with db.writing() as session:
        return bool(session.exec(delete(Credential).where(*mine)).rowcount)


def forget_all(session: Session, user_id: str) -> None:
    """Delete the tokens of a user who is being removed, inside the caller's transaction."""
    session.exec(delete(Credential).where(col(Credential.owner_id) == user_id))


def exists(user_id: str, service: str) -> bool:
    """Whether the user has stored a token for the service."""
    return _sealed(user_id, service) is not None


def services(user_id: str) -> list[str]:
    """The services for which the user has stored a token."""
    with db.reading() as session:
        mine = select(Credential.service).where(Credential.owner_id == user_id).order_by(Credential.service)
        return list(session.exec(mine))


def token(user_id: str, service: str) -> SecretStr | None:
    """The user's token for the service; None if there is none. Raises `StudioError` if it needs another key."""
    from cryptography.fernet import InvalidToken

    sealed = _sealed(user_id, service)
    if sealed is None:
        return None
    try:
        return SecretStr(_fernet().decrypt(sealed.encode()).decode())
    except InvalidToken as error:
        raise StudioError(
            f"Your stored token for {_named(service)} can't be read: it was encrypted with another key.",
            code="other_key",
            remedy="Give web and workers the same STUDIO_SECRET_KEY, or store the token again.",
        ) from error


def fingerprint() -> str:
    """Tells this machine's key from others without telling the key; empty if it has none yet."""
    if not settings().secret_key.get_secret_value() and not (settings().root / f"{KEY_FILE}.secret").exists():
        return ""
    return hashlib.sha256(b"fingerprint" + _key()).hexdigest()[:FINGERPRINT_CHARS]


def any_stored() -> bool:
    """Whether any user has stored a token."""
    with db.reading() as session:
        return session.exec(select(Credential.owner_id).limit(1)).first() is not None


def can_read_all() -> bool:
    """Whether this machine's key fits every stored token."""
    from cryptography.fernet import InvalidToken

    with db.reading() as session:
        stored = session.exec(select(Credential.sealed)).all()
    fernet = _fernet()
    try:
        for sealed in stored:
            fernet.decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def _named(service: str) -> str:
    return SERVICES.get(service, service.rpartition(" ")[2])


def _sealed(user_id: str, service: str) -> str | None:
    with db.reading() as session:
        row = session.get(Credential, (user_id, service))
    return row.sealed if row else None


def _fernet() -> Fernet:
    from cryptography.fernet import Fernet  # 8 MB that a web process needs only once somebody has a token

    return Fernet(_key())


def _key() -> bytes:
    """A Fernet key: 32 bytes in base64, derived from the setting or the file."""
    given = settings().secret_key.get_secret_value() or secret(KEY_FILE)
    return base64.urlsafe_b64encode(hashlib.sha256(given.encode()).digest())
