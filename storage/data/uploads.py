"""Uploaded files: limited in size while they arrive, stored under their content's hash."""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import delete
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col, select

from storage import blobs, db, disk, files, fork_server
from storage.data.intake import bundles
from storage.models import Dataset, Upload, User
from storage.settings import settings
from templates.errors import BadInput, Conflict, NotFound, Problem, refuse
from templates.quantities import size

MAX_NAME_CHARS = 120


class TooLarge(BadInput):
    """The file exceeds this studio's limit; the part that had arrived is deleted."""

    http_status = 413
    code = "too_large"


@dataclass
class _Limit:
    """The byte limit for files sent together."""

    n_bytes: int
    n_taken: int = 0


class _Capped:
    """A stream that raises `TooLarge` as soon as it exceeds the limit, and `BadInput` if it is empty."""

    def __init__(self, stream: IO[bytes], filename: str, limit: _Limit):
        self._stream, self._filename, self._limit = stream, filename, limit
        self._is_empty = True

    def read(self, n_bytes: int = -1) -> bytes:
        chunk = self._stream.read(n_bytes)
        if not chunk and self._is_empty:
            raise BadInput(Problem("is empty.", file=self._filename, remedy="Choose a file with data in it."))
        self._is_empty = False
        self._limit.n_taken += len(chunk)
        if self._limit.n_taken > self._limit.n_bytes:
            raise TooLarge(
                Problem(
                    f"is larger than {size(self._limit.n_bytes)}, this studio's limit.",
                    file=self._filename,
                    remedy="Send fewer rows, or raise STUDIO_MAX_UPLOAD_BYTES.",
                )
            )
        return chunk


def clean_name(filename: str) -> str:
    """The file's own name: without folders, control characters and excess length, never empty."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", filename))[-1]
    shown = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")).strip()
    shown = shown.strip(".") if set(shown) <= {"."} else shown
    stem, suffix = Path(shown).stem, Path(shown).suffix[:16]
    return (stem[: MAX_NAME_CHARS - len(suffix)] + suffix) or "upload"


def save(user: User, filename: str, stream: IO[bytes]) -> Upload:
    """Store a file that `user` sends.

    Raises `TooLarge` over the limit, `BadInput` for an empty file, and `DiskFull`. After any exception, also one
    from the stream, nothing of the file is left.
    """
    fork_server.start()
    name = clean_name(filename)
    limit, needed = _Limit(settings().max_upload_bytes), _size(stream)
    if needed <= limit.n_bytes:
        disk.need(needed, settings().files, file=name)
    capped = _Capped(stream, name, limit)
    sha256, size_bytes = files.put_blob(capped)  # type: ignore[arg-type]  # only `read` is used
    with db.writing() as session:
        upload = Upload(
            owner_id=user.id, filename=name, sha256=sha256, size_bytes=size_bytes, created_at=db.clock(session)
        )
        session.add(upload)
    if not files.blob_path(sha256).is_file():
        discard(user, upload)
        raise Conflict(f"The same content as “{name}” was removed just now.", remedy="Send the file again.")
    return upload


def save_all(user: User, sent: Sequence[tuple[str, IO[bytes]]]) -> Upload:
    """Store several files, by name, as one; a single file stays as it is. Raises like `save`."""
    if len(sent) == 1:
        return save(user, *sent[0])
    named = [(clean_name(filename), stream) for filename, stream in sent]
    names = [name for name, _ in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    refuse([Problem("is sent twice.", file=name, remedy="Rename one of the files.") for name in twice])
    limit, needed = _Limit(settings().max_upload_bytes), sum(_size(stream) for _, stream in named)
    whole = clean_name(f"{names[0]} and {len(names) - 1} more")
    if needed <= limit.n_bytes:
        disk.need(2 * needed, settings().files, file=whole)
    with disk.told(2 * needed, settings().files, file=whole), tempfile.TemporaryFile(dir=settings().files) as packed:
        bundles.pack(((name, _Capped(stream, name, limit)) for name, stream in named), packed)
        packed.seek(0)
        return save(user, whole, packed)


def _size(stream: IO[bytes]) -> int:
    """The bytes from here to the end; 0 for a stream that can't tell."""
    if not stream.seekable():
        return 0
    here = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    return end - here


def get(user: User, upload_id: str) -> Upload:
    """An upload of `user`. Raises `NotFound` for other users' uploads too."""
    with db.reading() as session:
        upload = session.get(Upload, upload_id)
    if upload is None or upload.owner_id != user.id:
        raise NotFound(f"There is no upload “{upload_id}”.", remedy="Send the file again.")
    return upload


def path(upload: Upload) -> Path:
    """The path of the upload's content. Raises `NotFound` when it is gone from the file store."""
    place = files.blob_path(upload.sha256)
    if not place.is_file():
        raise NotFound(f"The content of “{upload.filename}” is gone.", remedy="Send the file again.")
    return place


def discard(user: User, upload: Upload) -> None:
    """Delete an upload of `user`, and its content unless something else shares it.

    An upload that became a dataset stays.
    """
    _discard(col(Upload.id) == upload.id, col(Upload.owner_id) == user.id)


def discard_unused(older_than_s: float) -> int:
    """Delete uploads of this age that never became a dataset; returns their number."""
    return _discard(col(Upload.created_at) < db.now() - older_than_s)


def _discard(*which: ColumnElement[bool]) -> int:
    unused = col(Upload.id).not_in(select(Dataset.upload_id).where(col(Dataset.upload_id).is_not(None)))
    with db.writing() as session:
        gone = session.exec(delete(Upload).where(*which, unused).returning(col(Upload.sha256))).scalars().all()
    for sha256 in set(gone):
        blobs.release(sha256)
    return len(gone)
