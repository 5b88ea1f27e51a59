"""Where a base model comes from, pinned when its download is submitted: the job's spec holds one of these."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from storage.bases.catalogue import PackageFile
from storage.settings import settings

DOWNLOADS = "downloads"


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    """For people: what is added, without its path or any secret."""
    license: str | None = None
    """The licence that the source states."""
    languages: tuple[str, ...] = ()


class HubFile(BaseModel):
    """One file of a model on the hub."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size_bytes: int
    sha256: str | None = None
    """None for a small file, which git stores itself."""
    git_oid: str | None = None
    """git's SHA-1 of a small file."""


class HubSource(_Source):
    """A model on the hub, at one commit."""

    kind: Literal["hub"] = "hub"
    id: str
    revision: str
    """The commit."""
    files: tuple[HubFile, ...]
    """The files that a base model may need; the weights' index says which of the weights."""

    @property
    def size_bytes(self) -> int:
        """The size of all of them."""
        return sum(file.size_bytes for file in self.files)


class PackageSource(_Source):
    """A GGUF file inside a file on a Python package index."""

    kind: Literal["package"] = "package"
    package: PackageFile


class FolderSource(_Source):
    """A folder on the studio's machine, in Hugging Face layout."""

    kind: Literal["folder"] = "folder"
    path: str


class GgufSource(_Source):
    """A GGUF file: on the studio's machine, or uploaded."""

    kind: Literal["gguf"] = "gguf"
    path: str = ""
    upload_id: str = ""
    """Set if the file was uploaded; then `path` is empty."""


class ZipSource(_Source):
    """An uploaded zip of a folder in Hugging Face layout."""

    kind: Literal["zip"] = "zip"
    upload_id: str


Source = Annotated[HubSource | PackageSource | FolderSource | GgufSource | ZipSource, Field(discriminator="kind")]
SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


def shared_folder(source: Source) -> Path | None:
    """Where the source's files arrive, for everybody who asks for the same; None for local files."""
    if isinstance(source, HubSource):
        same = f"hub\0{source.id}\0{source.revision}"
    elif isinstance(source, PackageSource):
        same = f"package\0{source.package.sha256}"
    else:
        return None
    return settings().files / DOWNLOADS / hashlib.sha256(same.encode()).hexdigest()[:32]
