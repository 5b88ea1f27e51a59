"""An adapter, as far as putting it on a model needs to know it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Attachable(Protocol):
    """An adapter that can be put on a model."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def adapter(self) -> str | None:
        """Its name among a model's adapters; None if there is none."""

    @property
    def adapter_folder(self) -> Path:
        """Folder of its files."""

    @property
    def has_own_copy(self) -> bool:
        """Whether nothing else answers with these weights."""

    @property
    def mixes(self) -> bool:
        """Whether its method may share a batch."""
