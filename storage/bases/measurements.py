"""What was measured of an untouched base model, kept in the file store for every later job on it.

One folder for each revision: two names for the same weights share it. Its files depend on more (the
suite, the precision, the number of prompts), so their names are hashes of all that.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import col, select

from storage import db
from storage.models import BaseModelRow
from storage.settings import settings


def folder(revision: str) -> Path:
    """The folder for a base of this revision, whether it exists yet or not."""
    return _home() / hashlib.sha256(revision.encode()).hexdigest()[:32]


def is_known(revision: str) -> bool:
    """Whether something was measured of this base already."""
    return any(folder(revision).glob("*.json"))


def unneeded(older_than_s: float) -> Iterator[Path]:
    """Folders of revisions that no base model has any more, apart from new ones."""
    with db.reading() as session:
        query = select(BaseModelRow.revision).where(col(BaseModelRow.deleted_at).is_(None))
        needed = {folder(revision) for revision in session.exec(query)}
    for found in _home().glob("*"):
        if found not in needed and time.time() - found.stat().st_ctime > older_than_s:
            yield found


def _home() -> Path:
    return settings().files / "measured"
