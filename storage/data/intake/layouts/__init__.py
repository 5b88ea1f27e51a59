"""The known nested layouts, one file each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from storage.data.intake.findings import Findings
from storage.data.intake.layout import Layout
from storage.data.intake.source import SourceRow
from templates.discovery import specs


@cache
def layouts() -> dict[str, Layout]:
    """Every layout by key: a file in this folder registers by existing."""
    return specs(__name__, Layout)


def find(values: Mapping[str, Any]) -> str | None:
    """The key of the layout of a file whose first item this is; None for flat rows."""
    return next((key for key, layout in layouts().items() if layout.fits(values)), None)


def unfolded(key: str, items: Iterator[SourceRow], findings: Findings) -> Iterator[SourceRow]:
    """The rows inside the items, numbered across the file; an item with another layout is a problem."""
    layout = layouts()[key]
    number = 0
    for item in items:
        if not layout.fits(item.values):
            findings.problem(
                f"does not have the {layout.title} layout of the first item.",
                row=item.number,
                remedy="Give every item the same layout.",
                reach="file",
            )
            continue
        for values in layout.rows(item.values):
            number += 1
            yield SourceRow(number, values)
