"""Base models: the bundled ones, and those that users added."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, or_, select

import templates
from storage import checkpoint_headers, db
from storage.files import MANIFEST, sha256_of
from storage.models import BaseModelRow, User
from storage.settings import settings
from templates.errors import NotFound, StudioError
from templates.spec import BaseFacts

TEMPLATES = Path(templates.__file__).parent
BUNDLED_DIR = TEMPLATES / "models"


@cache
def bundled() -> dict[str, dict[str, Any]]:
    """What ships with the product: name → licence and one sentence."""
    return tomllib.loads((TEMPLATES / "base_models.toml").read_text("utf-8"))


def revision_of(folder: Path) -> str:
    """sha256 over the names and contents of a model folder's files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.name != MANIFEST):
        digest.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _bundled_revision(folder: Path, _stamp: tuple[tuple[str, int, int], ...]) -> str:
    return revision_of(folder)


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes when a file of the folder does, without reading the files."""
    return tuple(sorted((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in folder.iterdir()))


def sync_bundled() -> None:
    """Give every bundled model its row; cheap when nothing changed, and safe in several processes at once.

    When an update of the product changed a bundled model, the old row is retired under another name:
    what was trained on it must not silently be put on top of the new weights.
    """
    with db.reading() as session:
        known = {(row.origin, row.revision): row for row in _bundled_rows(session)}
    for name, entry in bundled().items():
        revision = _bundled_revision(BUNDLED_DIR / name, _stamp(BUNDLED_DIR / name))
        row = known.get((name, revision))
        if row is None or row.deleted_at is not None:
            try:
                _install(name, revision, str(entry["license"]))
            except IntegrityError:
                pass  # another process did the same at the same moment


def _bundled_rows(session: Any) -> Sequence[BaseModelRow]:
    rows: Sequence[BaseModelRow] = session.exec(select(BaseModelRow).where(BaseModelRow.source == "bundled")).all()
    return rows


def _install(name: str, revision: str, license: str) -> None:
    facts = checkpoint_headers.facts(BUNDLED_DIR / name)
    size_bytes = sum(size for _, size, _ in _stamp(BUNDLED_DIR / name))
    with db.writing() as session:
        at = db.clock(session)
        same = [row for row in _bundled_rows(session) if row.origin == name]
        for row in same:
            row.name, row.deleted_at = f"{name}@{row.revision[:12]}", row.deleted_at or at
        session.flush()
        again = next((row for row in same if row.revision == revision), None)
        if again is not None:
            again.name, again.deleted_at = name, None
            return
        session.add(
            BaseModelRow(
                name=name,
                source="bundled",
                origin=name,
                revision=revision,
                license=license,
                location=name,
                facts=facts.model_dump(mode="json"),
                size_bytes=size_bytes,
                created_at=at,
            )
        )


def _visible(user: User) -> Any:
    return or_(col(BaseModelRow.owner_id).is_(None), col(BaseModelRow.owner_id) == user.id)


def of_user(user: User) -> Sequence[BaseModelRow]:
    """The base models that the user can adapt: bundled first, then the user's own by name."""
    sync_bundled()
    query = select(BaseModelRow).where(_visible(user), col(BaseModelRow.deleted_at).is_(None))
    with db.reading() as session:
        return session.exec(query.order_by(col(BaseModelRow.owner_id).is_not(None), col(BaseModelRow.name))).all()


def get(user: User, name_or_id: str) -> BaseModelRow:
    """The base model of this name, or of this id even when it is retired. Raises `NotFound`."""
    sync_bundled()
    with db.reading() as session:
        mine = select(BaseModelRow).where(_visible(user))
        by_name = mine.where(col(BaseModelRow.name) == name_or_id, col(BaseModelRow.deleted_at).is_(None))
        row = session.exec(by_name).one_or_none() or session.exec(mine.where(BaseModelRow.id == name_or_id)).first()
    if row is None:
        names = ", ".join(other.name for other in of_user(user))
        raise NotFound(f"There is no base model “{name_or_id}”.", remedy=f"Known: {names}.")
    return row


def folder(row: BaseModelRow) -> Path:
    """Where the model's files are. Raises `StudioError` when they are not what the row says."""
    path = BUNDLED_DIR / row.location if row.source == "bundled" else settings().files / row.location
    if not path.is_dir() or (row.source == "bundled" and _bundled_revision(path, _stamp(path)) != row.revision):
        raise StudioError(
            f"The files of base model “{row.name}” (revision {row.revision[:12]}) are gone or were replaced.",
            code="base_model_missing",
            remedy="Choose the present base model and train again, or restore the files from a backup.",
        )
    return path


def facts(row: BaseModelRow) -> BaseFacts:
    """What is known of the model without loading it."""
    return BaseFacts.model_validate(row.facts)


def summary(row: BaseModelRow) -> str:
    """One sentence for the catalogue."""
    if row.source == "bundled" and row.origin in bundled():
        return str(bundled()[row.origin]["summary"])
    return f"{row.facts['architecture']} from {row.origin}."
