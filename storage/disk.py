"""Room on the studio's disks: how much is free, and errors that say so.

A full disk shows itself in many ways: the system's own error, SQLite's, PostgreSQL's, or a library's message.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from templates.errors import Problem, Unavailable
from templates.quantities import size

LOW_BYTES = 16 * 1024**2
"""With less than this, the database can't be relied on to store what it is given."""
REMEDY = "Make room on the studio's disk, then try again."
_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORDS = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "database or disk is full")
_SQLITE_MAYBE = ("disk I/O error", "unable to open database file")
"""SQLite's words for many faults; on a full disk it can't make the files beside its database."""
_POSTGRES_FULL = "53100"


class DiskFull(Unavailable):
    """There is too little room on a disk of the studio; nothing was stored."""

    http_status = 507
    code = "disk_full"


def free_bytes(*folders: Path) -> int:
    """The bytes that can be written to the fullest of these folders' disks; default: all that the studio uses."""
    if not folders:
        from storage.settings import settings  # needed late: the processes that read files don't know the settings

        folders = (settings().root, settings().files, Path(tempfile.gettempdir()))
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    free = min(shutil.disk_usage(folder).free for folder in folders)
    return free if most == resource.RLIM_INFINITY else min(free, most)


def need(n_bytes: int, *folders: Path, file: str | None = None) -> None:
    """Raise `DiskFull` unless `n_bytes` fit in each of these folders; `file` is the name of what needs them."""
    if n_bytes > free_bytes(*folders):
        raise full(n_bytes, *folders, file=file)


def full(needed: int | None = None, *folders: Path, file: str | None = None, at_least: bool = False) -> DiskFull:
    """The error for a disk without room for `needed` bytes, if that is known."""
    free = size(free_bytes(*folders))
    if needed is None:
        return DiskFull(Problem(f"The studio's disk is full: {free} free.", file=file, remedy=REMEDY))
    wanted = f"at least {size(needed)}" if at_least else size(needed)
    where = "needs" if file else "This needs"
    return DiskFull(Problem(f"{where} {wanted}, but the studio's disk has {free} free.", file=file, remedy=REMEDY))


def is_full(error: BaseException) -> bool:
    """Whether an error, or one that caused it, means that a disk is full."""
    seen: BaseException | None = error
    while seen is not None:
        said = str(seen)
        if getattr(seen, "errno", None) in _ERRNOS or any(words in said for words in _WORDS):
            return True
        if getattr(seen, "sqlstate", None) == _POSTGRES_FULL:
            return True
        if any(words in said for words in _SQLITE_MAYBE) and free_bytes() < LOW_BYTES:
            return True
        seen = getattr(seen, "orig", None) or seen.__cause__
    return False


@contextmanager
def told(needed: int | None = None, *folders: Path, file: str | None = None) -> Iterator[None]:
    """Turn the system's error about a full disk in this block into one that says how much is needed and free."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise full(needed, *folders, file=file) from error
