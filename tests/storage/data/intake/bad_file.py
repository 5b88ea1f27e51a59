"""A file that must be refused, and what the refusal has to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class BadFile:
    """`says` are parts of the error's text; the file's name is always one of them."""

    id: str
    filename: str
    content: bytes | Callable[[], bytes]
    says: tuple[str, ...]

    def data(self) -> bytes:
        """The file's bytes."""
        return self.content if isinstance(self.content, bytes) else self.content()
