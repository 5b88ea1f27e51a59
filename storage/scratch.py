"""A folder for what a process needs only while it lives; what a killed one leaves there is removed by others.

Each process holds a lock in its folder. The system lets go of it with the process, however that ends, in
whatever container and before whatever restart it ran: a folder whose lock can be had is nobody's.
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
    """This process's own, which goes when it ends."""
    own, _ = _own(_place(), os.getpid())
    return Path(own.name)


def collect() -> list[Path]:
    """Remove the folders of processes that are gone; gives what it removed."""
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
    """The folder, and its lock, which is held as long as this is remembered."""
    place.mkdir(mode=0o700, exist_ok=True)
    with _alone(place):
        own = tempfile.TemporaryDirectory(prefix="process-", dir=place)
        lock = (Path(own.name) / LOCK).open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return own, lock


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Between making a folder and locking it, nobody may take it for one that was left."""
    with (place / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_nobodys(path: Path) -> bool:
    try:
        with (path / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True  # the rest of one whose removal was cut short
    except BlockingIOError:
        return False
    return True
