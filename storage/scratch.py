"""A process's temporary folder; other processes remove the folder of a killed one.

Each process holds a lock in its folder. The system releases the lock with the process, however it ends, in
any container and before any restart: if the lock of a folder is free, nobody uses the folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

from storage.settings import settings

LOCK = ".lock"


def folder() -> Path:
    """This process's own folder, removed when the process ends."""
    own, _ = _own(_place(), os.getpid())
    return Path(own.name)


def collect() -> list[Path]:
    """Remove the folders of processes that are gone; returns what it removed."""
    place = _place()
    if not place.is_dir():
        return []
    with _alone(place):
        gone = [path for path in place.iterdir() if path.is_dir() and _is_nobodys(path)]
        for path in gone:
            shutil.rmtree(path, ignore_errors=True)
    return gone


def _place() -> Path:
    return settings().root / "scratch"


@cache
def _own(place: Path, _pid: int) -> tuple[tempfile.TemporaryDirectory[str], IO[bytes]]:
    """The folder and its lock, which is held as long as this stays cached."""
    place.mkdir(mode=0o700, exist_ok=True)
    with _alone(place):
        own = tempfile.TemporaryDirectory(prefix="process-", dir=place)
        lock = (Path(own.name) / LOCK).open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return own, lock


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Between making a folder and locking it, nobody may mistake it for an abandoned one."""
    with (place / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_nobodys(path: Path) -> bool:
    try:
        with (path / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True  # the rest of a folder whose removal was interrupted
    except BlockingIOError:
        return False
    return True
