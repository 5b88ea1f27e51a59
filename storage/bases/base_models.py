"""Base models: the bundled ones and those that users added."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, or_, select

import templates
from storage import db, model_names
from storage.bases import catalogue, checkpoint_headers, model_folders, weights_comparison
from storage.bases.model_check import Finished, folder_problems
from storage.files import MANIFEST, move_folder, seal, sha256_of
from storage.models import BaseModelRow, User
from storage.rendering import limited
from storage.rendering.limited import Model
from storage.settings import settings
from templates.errors import BadInput, NotAllowed, NotFound, Problem, StudioError, refuse
from templates.spec import BaseFacts

TEMPLATES = Path(templates.__file__).parent
BUNDLED_DIR = TEMPLATES / "models"
BASES = "bases"
NO_LICENSE = "not stated"
DRAFT_KEPT_S = 24 * 3600.0
_TAKEN = Problem("is already the name of a base model.", field="name", remedy="Choose another name.")


def bundled() -> dict[str, dict[str, Any]]:
    """The bundled models: name → licence and one sentence."""
    return catalogue.bundled()


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
    """A value that changes when a file in the folder changes; doesn't read the files."""
    return tuple(sorted((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in folder.iterdir()))


def sync_bundled() -> None:
    """Give every bundled model its row; cheap when nothing changed, and safe in several processes at once.

    When a product update changes a bundled model, the old row is retired under another name: adapters
    trained on it must not silently go on top of the new weights. A model that is no longer bundled is
    retired too.
    """
    with db.reading() as session:
        rows = _bundled_rows(session)
    known = {(row.origin, row.revision): row for row in rows}
    if any(row.origin not in bundled() and row.deleted_at is None for row in rows):
        _retire_unbundled()
    for name, entry in bundled().items():
        revision = _bundled_revision(BUNDLED_DIR / name, _stamp(BUNDLED_DIR / name))
        row = known.get((name, revision))
        if row is None or row.deleted_at is not None:
            try:
                _install(name, revision, str(entry["license"]))
            except IntegrityError:
                pass  # another process did the same at the same time


def _retire_unbundled() -> None:
    with db.writing() as session:
        at = db.clock(session)
        for row in _bundled_rows(session):
            if row.origin not in bundled() and row.deleted_at is None:
                _retire(row, at)


def _retire(row: BaseModelRow, at: float) -> None:
    row.name, row.deleted_at = f"{row.origin}@{row.revision[:12]}", row.deleted_at or at


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
            _retire(row, at)
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
    """The base models that the user can adapt: the bundled ones in their own order, then the shared ones and
    the user's own, each by name."""
    sync_bundled()
    query = select(BaseModelRow).where(_visible(user), col(BaseModelRow.deleted_at).is_(None))
    order = {name: place for place, name in enumerate(bundled())}
    with db.reading() as session:
        rows = session.exec(query.order_by(col(BaseModelRow.name))).all()
    return sorted(rows, key=lambda row: (row.source != "bundled", not row.is_shared, order.get(row.origin, 0)))


def get(user: User, name_or_id: str) -> BaseModelRow:
    """The base model of this name, or of this id even when it is a retired bundled one. Raises `NotFound`.

    A user's own model comes before a shared one that got the same name later.
    """
    sync_bundled()
    with db.reading() as session:
        mine = select(BaseModelRow).where(_visible(user))
        is_live = col(BaseModelRow.deleted_at).is_(None)
        by_name = mine.where(col(BaseModelRow.name) == name_or_id, is_live)
        by_id = mine.where(BaseModelRow.id == name_or_id, is_live | (col(BaseModelRow.source) == "bundled"))
        own_first = by_name.order_by(col(BaseModelRow.owner_id).is_(None))
        row = session.exec(own_first).first() or session.exec(by_id).first()
    if row is None:
        names = ", ".join(other.name for other in of_user(user))
        raise NotFound(f"There is no base model “{name_or_id}”.", remedy=f"Known: {names}.")
    return row


def made_by(user: User, job_id: str) -> BaseModelRow | None:
    """The base model that this job added, unless it was deleted."""
    is_live = col(BaseModelRow.deleted_at).is_(None)
    with db.reading() as session:
        found = select(BaseModelRow).where(_visible(user), is_live, BaseModelRow.made_by_job_id == job_id)
        return session.exec(found).one_or_none()


def folder(row: BaseModelRow) -> Path:
    """The folder with the model's files. Raises `StudioError` when they don't match the row."""
    path = BUNDLED_DIR / row.location if row.source == "bundled" else settings().files / row.location
    if not path.is_dir() or (row.source == "bundled" and _bundled_revision(path, _stamp(path)) != row.revision):
        raise StudioError(
            f"The files of base model “{row.name}” (revision {row.revision[:12]}) are gone or were replaced.",
            code="base_model_missing",
            remedy="Choose the current base model and train again, or restore the files from a backup.",
        )
    return path


def model(row: BaseModelRow) -> Model:
    """The model as rendering needs it."""
    return Model(row.name, str(folder(row)), row.revision, row.owner_id or row.id, row.source == "bundled")


def facts(row: BaseModelRow) -> BaseFacts:
    """Facts about the model, read without loading it."""
    return BaseFacts.model_validate(row.facts)


def summary(row: BaseModelRow) -> str:
    """One sentence for the catalogue."""
    if row.source == "bundled" and row.origin in bundled():
        return str(bundled()[row.origin]["summary"])
    known = facts(row)
    assumed = f" Its files state no context length, so {known.context_length:,} tokens are assumed."
    prefix = f" Its tensors' names lost the prefix “{known.removed_prefix}”, which the architecture doesn't have."
    said = (assumed if known.context_assumed else "") + (prefix if known.removed_prefix else "")
    said += f" Its weights were dequantized from {known.made_from}." if known.made_from else ""
    return f"{known.architecture} from {row.origin}.{said}"


def add(
    user: User,
    name: str,
    path: str,
    *,
    chat_template: str | None = None,
    license: str | None = None,
    shared: bool = False,
) -> BaseModelRow:
    """Add a folder on this machine to the user's base models, or to everybody's if `shared`, at once.

    `planning.additions` adds all other models, as a job that also tries them. The files are copied, so later changes
    to the original have no effect here. `chat_template` names one of `base_model_checks.chat_templates()` to use
    instead of the model's own.
    Raises `BadInput` with every problem at once, or `NotAllowed`.
    """
    source = Path(os.path.expanduser(path or " "))
    refuse_sharing(user, shared)
    new = Model(name, path, "", user.id, bundled=False)
    refuse(name_problems(user, name) + folder_problems(new, source, chat_template))
    with _draft() as draft:
        refuse(model_folders.no_room(model_folders.weights_bytes(source)))
        model_folders.take_in(new, source, draft, chat_template)
        checked = limited.ask_once(new, Finished(draft))
        with limited.turn(user.id):
            weights_comparison.refuse_misfits(draft)
        row = BaseModelRow(
            owner_id=None if shared else user.id,
            name=name,
            source="folder",
            origin=source.resolve().name,
            revision=revision_of(draft),
            license=license or checked.license or NO_LICENSE,
            location="",
            facts=checked.facts.model_dump(mode="json"),
            size_bytes=sum(path.stat().st_size for path in draft.iterdir()),
            created_at=0.0,
        )
        row.location = f"{BASES}/{row.id}"
        seal(draft)
        move_folder(draft, settings().files / row.location)
    return _insert(row)


def name_problems(user: User, name: str) -> list[Problem]:
    """The reasons why the user can't give a base model this name."""
    return model_names.problems(user, name) or ([_TAKEN] if name in bundled() else [])


def refuse_sharing(user: User, shared: bool) -> None:
    """Raise `NotAllowed` if the user wants to share a model and isn't an administrator."""
    if shared and not user.is_admin:
        raise NotAllowed(
            "Only administrators can share base models.", remedy="Add the model for yourself, or ask an administrator."
        )


@contextmanager
def _draft() -> Iterator[Path]:
    """A new folder in the file store, removed at the end unless it was moved; removes old leftovers too."""
    home = settings().files / BASES
    home.mkdir(exist_ok=True)
    for old in home.glob(".draft-*"):
        if time.time() - old.stat().st_mtime > DRAFT_KEPT_S:
            shutil.rmtree(old, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=home))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _insert(row: BaseModelRow) -> BaseModelRow:
    try:
        with db.writing() as session:
            row.created_at = db.clock(session)
            session.add(row)
    except IntegrityError as error:  # somebody took the name during the copy
        shutil.rmtree(settings().files / row.location)
        raise BadInput(_TAKEN) from error
    return row
