"""One reader per format: `TITLE`, and `read(source, findings)`, which yields the rows one by one.

A reader notes the problem with a row and continues; if it can't continue, it notes why and stops. It runs in
its own process (`storage.data.intake.isolate`).
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
    """The interface of a module in this folder."""

    TITLE: str

    def read(self, source: Source, findings: Findings) -> Iterator[SourceRow]:
        """The rows of `source`."""


@cache
def readers() -> dict[str, Reader]:
    """Every reader by the key of its format, which is the file's name."""
    return {
        info.name: cast(Reader, importlib.import_module(f"{__name__}.{info.name}"))
        for info in pkgutil.iter_modules(__path__)
    }
