"""A data folder for one measurement, and this process's settings pointed at it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import db
from storage.jobs import queue
from storage.settings import settings

_OVERRIDDEN = ("STUDIO_DATA_DIR", "STUDIO_DATABASE_URL", "STUDIO_BROKER_URL", "STUDIO_FILES_DIR")


@contextmanager
def fresh() -> Iterator[Path]:
    """An empty studio on the embedded defaults, for this process and its children."""
    before = {name: os.environ.get(name) for name in _OVERRIDDEN}
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        os.environ |= {"STUDIO_DATA_DIR": folder, "STUDIO_DATABASE_URL": "", "STUDIO_BROKER_URL": ""}
        os.environ["STUDIO_FILES_DIR"] = str(Path(folder) / "files")
        forget()
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            forget()


def forget() -> None:
    """Make this process read its settings and open its connections again."""
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    for cached in (settings, db.engine, queue.celery):
        cached.cache_clear()
