"""File contents shared by rows: uploads and datasets name theirs by hash, so two rows may share one file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import select

from storage import db, files
from storage.models import Dataset, Upload
from storage.settings import settings


def release(sha256: str) -> bool:
    """Remove a file unless a row refers to it; returns whether it is gone.

    Another process may be storing the same content right now. So this sets the file aside first and
    puts it back if a row has appeared meanwhile. A process that commits its row after that must check
    that the file is still there.
    """
    blob = files.blob_path(sha256)
    if _is_referred(sha256) or not blob.is_file():
        return False
    aside = blob.with_name(f".released-{os.urandom(6).hex()}")
    blob.rename(aside)
    if _is_referred(sha256):
        aside.rename(blob)
        return False
    aside.unlink()
    return True


def collect(older_than_s: float) -> Iterator[Path]:
    """Remove files that no row refers to, and drafts left by a killed process; returns what it removed."""
    for path in (settings().files / "blobs").rglob("*"):
        if not path.is_file() or time.time() - path.stat().st_ctime <= older_than_s:
            continue
        if path.name.startswith("."):
            path.unlink(missing_ok=True)
            yield path
        elif release(path.name):
            yield path


def _is_referred(sha256: str) -> bool:
    with db.reading() as session:
        return any(
            session.exec(select(column).where(column == sha256).limit(1)).first() is not None
            for column in (Upload.sha256, Dataset.sha256, Dataset.dropped_sha256)
        )
