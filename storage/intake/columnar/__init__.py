"""Reads large tables by columns, ten times as fast as row by row, wherever both give the same.

A file that is odd in any way is left to the format's reader, which knows what to say about it. Tests
compare the two on whatever files chance writes.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache, lru_cache
from typing import Protocol, cast

from storage.intake.columnar.columns import Abstained, Columns
from storage.intake.source import Source

MIN_BYTES = 4_000_000
"""Smaller files are read in a moment whatever the way."""
KEPT_TABLES = 4

__all__ = ["Columns", "read"]


class TableReader(Protocol):
    """What a module in this folder offers that is called like a format."""

    def table(self, source: Source) -> Columns:
        """All rows. Raises `Abstained` for what rows should be read one by one."""


@cache
def _readers() -> dict[str, TableReader]:
    names = [info.name for info in pkgutil.iter_modules(__path__)]
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {name: cast(TableReader, module) for name, module in modules.items() if hasattr(module, "table")}


def read(source: Source) -> Columns | None:
    """The columns of a large, clean table; None where the rows have to be read one by one."""
    state = source.path.stat()
    if state.st_size < MIN_BYTES or source.layout or source.format not in _readers():
        return None
    return _read(source, (state.st_ino, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=KEPT_TABLES)
def _read(source: Source, _state: tuple[int, ...]) -> Columns | None:
    try:
        return _readers()[source.format].table(source)
    except Abstained:
        return None
