"""A file that arrives piece by piece, and survives the death of the process that writes it.

It is called `.NAME.part` meanwhile; `.NAME.synced` says how much of it is surely on disk. It gets its own name once
its content is known to be right, so a file with its own name is whole.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from storage import disk, files

SYNC_S = 1.0
"""Time between two moments at which everything that has arrived is surely on disk."""


class ArrivingFile:
    """A file that is arriving; opens what an earlier attempt left of it."""

    def __init__(self, target: Path):
        """`target` is the name that it gets at the end."""
        self.path, self._mark = self._paths(target)
        self._file = self.path.open("r+b" if self.path.is_file() else "w+b")
        self.size_bytes = min(self.synced_bytes(target), self._file.seek(0, os.SEEK_END))
        self._cut()
        self._synced_at = time.monotonic()

    @staticmethod
    def _paths(target: Path) -> tuple[Path, Path]:
        return target.with_name(f".{target.name}.part"), target.with_name(f".{target.name}.synced")

    @classmethod
    def synced_bytes(cls, target: Path) -> int:
        """How much of the file is surely on disk."""
        _, mark = cls._paths(target)
        text = mark.read_text() if mark.is_file() else ""
        return int(text) if text.isdecimal() else 0

    def _cut(self) -> None:
        self._file.truncate(self.size_bytes)
        self._file.seek(self.size_bytes)

    def restart(self) -> None:
        """Begin again."""
        self.size_bytes = 0
        self._cut()
        self.sync()

    def write(self, chunk: bytes) -> bool:
        """Append; returns whether it has just been synced."""
        with disk.told(None, self.path.parent):
            self._file.write(chunk)
        self.size_bytes += len(chunk)
        if time.monotonic() - self._synced_at < SYNC_S:
            return False
        self.sync()
        return True

    def sync(self) -> None:
        """Flush everything to disk, then say so in the mark."""
        with disk.told(None, self.path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
        with files.atomic_file(self._mark) as file:
            file.write(str(self.size_bytes).encode())
        self._synced_at = time.monotonic()

    def finish(self, target: Path) -> None:
        """Give the file its own name."""
        self.close()
        self.path.replace(target)
        files.sync_folder(target.parent)
        self._mark.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove it."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

    def close(self) -> None:
        """Close it as it is."""
        self._file.close()
