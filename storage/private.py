"""Files and folders that only the studio's own account may read, also those made by an older version."""

from __future__ import annotations

import os
import stat
from pathlib import Path

FILE, FOLDER = 0o600, 0o700
BESIDE = ("", "-wal", "-shm", "-journal")
"""Endings of the files that SQLite keeps beside a database; it gives new ones the database's own permissions."""


def make(file: Path) -> None:
    """Make the file, if it is not there yet, so that nobody else can read it; close what is open to others."""
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, FILE))
    for ending in BESIDE:
        _close(file.with_name(file.name + ending), FILE)


def close_folder(folder: Path) -> None:
    """Close a folder to others, unless it is one that all accounts share, like `/tmp`."""
    if not folder.stat().st_mode & stat.S_ISVTX:
        _close(folder, FOLDER)


def _close(path: Path, most: int) -> None:
    """Take away what others may do; a file of another account stays as it is, and `studio doctor` says so."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        path.chmod(found.st_mode & most)
