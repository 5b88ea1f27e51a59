"""What leaves the gallery: an artifact as a zip, or as a folder.

An allow-list decides which files leave: the evaluated rows stay, because they are the user's data.
"""

from __future__ import annotations

import fnmatch
import io
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from storage import files
from storage.gallery import artifacts
from storage.gallery import strength as strengths
from storage.models import Artifact, User
from templates.errors import BadInput, Problem

SHIPPED = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "README.md",
    "LICENSE",
    "recipe.toml",
    "requirements.txt",
    "use_me.py",
    "adapter_type.py",
    "labels.json",
    "verdict.json",
)
"""File names that may leave the studio, at the top of an artifact and in its `base/` folder."""
SUMS = "SHA256SUMS"


class Download(NamedTuple):
    """A zip during download: its bytes as they are made, and the name to save it under."""

    chunks: Iterator[bytes]
    filename: str


def shipped(artifact: Artifact) -> dict[str, str]:
    """The files that may leave: name inside the artifact → sha256, after checking every file's checksum."""
    files.verify(artifacts.folder(artifact), artifact.manifest_sha256)
    entries = json.loads((artifacts.folder(artifact) / files.MANIFEST).read_bytes())["files"]
    return {name: entry["sha256"] for name, entry in sorted(entries.items()) if _may_leave(name)}


def _may_leave(name: str) -> bool:
    inner = name.removeprefix(f"{artifacts.OWN_BASE}/")
    return "/" not in inner and any(fnmatch.fnmatchcase(inner, pattern) for pattern in SHIPPED)


def _sums(names: dict[str, str]) -> bytes:
    return "".join(f"{sha256}  {name}\n" for name, sha256 in names.items()).encode()


def zip_stream(user: User, name_or_id: str, strength: float | None = None) -> Download:
    """The artifact as a zip, made without holding it whole in memory or in a temporary file.

    With a `strength`, its adapter has that part of its effect.
    """
    artifact = artifacts.get(user, name_or_id)
    names, changed = _at(artifact, strength)
    return Download(_zipped(artifacts.folder(artifact), artifact.name, names, changed), f"{artifact.name}.zip")


def _at(artifact: Artifact, strength: float | None) -> tuple[dict[str, str], Mapping[str, bytes]]:
    """The hashes of the files that leave, and the content of those that the strength changes."""
    names = shipped(artifact)
    changed = strengths.rewritten(artifact, artifacts.folder(artifact), strength) if strength is not None else {}
    return strengths.with_sums(names, changed), changed


class _Outbox(io.RawIOBase):
    """Collects the output of `zipfile`; not seekable, so the zip is written front to back."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes only
        self.written.append(bytes(data))
        return len(data)

    def take(self) -> Iterator[bytes]:
        taken, self.written = self.written, []
        yield from taken


def _zipped(source: Path, top: str, names: dict[str, str], changed: Mapping[str, bytes]) -> Iterator[bytes]:
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names:
            entry = zipfile.ZipInfo.from_file(source / name, f"{top}/{name}")
            # weights do not compress; trying costs a minute per gigabyte
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
            content = io.BytesIO(changed[name]) if name in changed else (source / name).open("rb")
            with content as file, archive.open(entry, "w", force_zip64=True) as member:
                while chunk := file.read(files.CHUNK_BYTES):
                    member.write(chunk)
                    yield from outbox.take()
        archive.writestr(f"{top}/{SUMS}", _sums(names))
    yield from outbox.take()


def export(user: User, name_or_id: str, to: Path, strength: float | None = None) -> Path:
    """Write the artifact's files into the new or empty folder `to`, or as one file when `to` ends in `.zip`.

    With a `strength`, its adapter has that part of its effect. Raises `BadInput` when something is in the way.
    """
    artifact = artifacts.get(user, name_or_id)
    names, changed = _at(artifact, strength)
    to = to.expanduser().resolve()
    if to.is_file() or (to.is_dir() and (to.suffix == ".zip" or any(to.iterdir()))):
        raise BadInput(Problem(f"“{to}” is not empty.", field="to", remedy="Name a new or empty folder, or a .zip."))
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.suffix == ".zip":
        with files.atomic_file(to) as file:
            _write_all(file, _zipped(artifacts.folder(artifact), artifact.name, names, changed))
        return to
    for name in names:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        if name in changed:
            (to / name).write_bytes(changed[name])
        else:
            shutil.copyfile(artifacts.folder(artifact) / name, to / name)
    (to / SUMS).write_bytes(_sums(names))
    return to


def _write_all(file: IO[bytes], chunks: Iterator[bytes]) -> None:
    for chunk in chunks:
        file.write(chunk)
