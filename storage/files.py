"""Files that are whole or absent: content-addressed blobs and published folders with a manifest.

Everything is written beside its destination, flushed to disk and renamed. A folder's manifest is
its last file, so a folder without a valid manifest was never finished.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from storage import disk
from storage.settings import settings
from templates.errors import StudioError

MANIFEST = "manifest.json"
CHUNK_BYTES = 1024 * 1024
SENT_BYTES = 8 * CHUNK_BYTES


def sha256_of(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def blob_path(sha256: str) -> Path:
    """The path of the blob with this hash, whether it exists yet or not."""
    return settings().files / "blobs" / sha256[:2] / sha256


class NewBlob(io.RawIOBase):
    """Content on its way into the store, hashed while it is written."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = self._n_sent = self.given_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        """Append to the content."""
        self._digest.update(content)
        self.given_bytes += len(content)
        n_written = self._file.write(content)
        self.size_bytes += n_written
        if self.size_bytes - self._n_sent >= SENT_BYTES:
            self._send()
        return n_written

    def _send(self) -> None:
        """Start writing to disk, so that little is left to wait for at the end."""
        if hasattr(os, "posix_fadvise"):  # Linux writes pages at once when told that they are no longer needed
            n_bytes = self.size_bytes - self._n_sent
            os.posix_fadvise(self._file.fileno(), self._n_sent, n_bytes, os.POSIX_FADV_DONTNEED)
        self._n_sent = self.size_bytes

    @property
    def sha256(self) -> str:
        """The hash of the content written so far, in hex."""
        return self._digest.hexdigest()


@contextmanager
def new_blob() -> Iterator[NewBlob]:
    """A blob to write: stored when the block ends, discarded when it raises.

    Storing the same content twice is free. Raises `DiskFull`, with the bytes that it had been given until then.
    """
    drafts = settings().files / "blobs"
    draft = drafts / f".draft-{os.getpid()}-{os.urandom(6).hex()}"
    blob = None
    try:
        drafts.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            blob = NewBlob(file)
            yield blob
            file.flush()
            os.fsync(file.fileno())
        target = blob_path(blob.sha256)
        target.parent.mkdir(exist_ok=True)
        draft.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        if not disk.is_full(error):
            raise
        draft.unlink(missing_ok=True)  # first: the error says how much is free without it
        raise disk.full(blob.given_bytes if blob else None, drafts.parent, at_least=True) from error
    finally:
        draft.unlink(missing_ok=True)


def put_blob(source: IO[bytes]) -> tuple[str, int]:
    """Store a stream's content; returns its sha256 and size."""
    with new_blob() as blob:
        while chunk := source.read(CHUNK_BYTES):
            blob.write(chunk)
    return blob.sha256, blob.size_bytes


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries (names of new and renamed files) to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Write `path` completely or not at all. Raises `DiskFull`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with disk.told(None, path.parent), draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _members(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)


def seal(folder: Path) -> str:
    """Flush every file of `folder` and write its manifest last; returns the manifest's sha256."""
    entries = {}
    for path in _members(folder):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        entries[path.relative_to(folder).as_posix()] = {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}
    for inner in {p.parent for p in _members(folder)}:
        sync_folder(inner)
    content = json.dumps({"files": entries}, indent=1, sort_keys=True).encode()
    with atomic_file(folder / MANIFEST) as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()


def flaw(folder: Path, manifest_sha256: str | None = None) -> str | None:
    """The problem with a sealed folder, in one sentence; None when every file matches its manifest."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return f"{folder.name} has no manifest: it was never finished"
    if manifest_sha256 and sha256_of(manifest) != manifest_sha256:
        return f"the manifest of {folder.name} is not the one recorded"
    try:
        entries = json.loads(manifest.read_bytes())["files"]
    except (ValueError, KeyError, TypeError):
        return f"the manifest of {folder.name} can't be read"
    present = {p.relative_to(folder).as_posix() for p in _members(folder)}
    if present != set(entries):
        return f"{folder.name} has missing or additional files: {sorted(present ^ set(entries))[:3]}"
    for name, entry in entries.items():
        if sha256_of(folder / name) != entry["sha256"]:
            return f"{folder.name}/{name} does not match its checksum"
    return None


def verify(folder: Path, manifest_sha256: str | None = None) -> None:
    """Raise `StudioError` unless the sealed folder is whole and unchanged."""
    wrong = flaw(folder, manifest_sha256)
    if wrong:
        raise StudioError(f"{wrong}.", code="checksum", remedy="Restore it from a backup, or train it again.")


def move_folder(staging: Path, target: Path) -> None:
    """Publish a sealed staging folder under its final name; replaces an unfinished earlier attempt."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    staging.rename(target)
    sync_folder(target.parent)
