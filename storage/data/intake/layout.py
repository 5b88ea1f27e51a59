"""Nested layouts: files whose items hold several rows each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Layout:
    """A widespread way to nest rows.

    A file of `storage/data/intake/layouts/` exports one as `SPEC`; its key is the file's name.
    """

    title: str
    says: str
    """The result, in one sentence."""
    fits: Callable[[Mapping[str, Any]], bool]
    """Whether an item of a file has this layout."""
    rows: Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]
    """The rows of an item that fits, as flat columns."""
    key: str = ""
    page: str = ""
