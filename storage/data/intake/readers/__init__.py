"""One reader per format: `TITLE`, and `read(source, findings)`, which gives the rows one by one.

A reader notes what is wrong with a row and goes on; where it can't go on it notes why and ends. It runs in
a process of its own (`storage.data.intake.isolate`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Protocol, cast

from storage.data.intake.findings import Findings
from storage.data.intake.source import Source, SourceRow


class Reader(Protocol):
    """What a module in this folder offers."""

    TITLE: str

    def read(self, source: Source, findings: Findings) -> Iterator[SourceRow]:
        """The rows of `source`."""


@cache
def readers() -> dict[str, Reader]:
    """Every reader by the key of its format, which is its file's name."""
    return {
        info.name: cast(Reader, importlib.import_module(f"{__name__}.{info.name}"))
        for info in pkgutil.iter_modules(__path__)
    }
