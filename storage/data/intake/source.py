"""A file and the way to read it: format, encoding, delimiter."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from storage import progress
from storage.data.intake.bundles import Allowance, Bundle
from storage.data.intake.findings import Findings

MAX_LINE_CHARS = 16_000_000
MAX_CELL_CHARS = 1_000_000
MAX_COLUMNS = 1_000
MAX_ROWS = 5_000_000


@dataclass(frozen=True)
class Source:
    """A file's path and the way to read it. `filename` is the user's name for it."""

    path: Path
    filename: str
    format: str
    """Key of the reader in `storage.data.intake.readers`."""
    encoding: str | None = None
    """None for a format that is not text."""
    delimiter: str | None = None
    errors: Literal["strict", "surrogateescape"] = "strict"
    """How to read bytes that the encoding doesn't have: not at all, or as lone surrogates, to name their rows."""
    replaces: bool = False
    """Whether � replaces them."""
    layout: str | None = None
    """Key of the layout in `storage.data.intake.layouts` whose items hold the rows; None: the items are the rows."""
    bundle: Bundle | None = field(default=None, compare=False, repr=False)
    """The files in it, if it is a bundle of several."""
    allowance: Allowance | None = field(default=None, compare=False, repr=False)
    """The allowance of a whole bundle, if this is one of its files; the file then lies in the bundle's folder."""

    def findings(self) -> Findings:
        """Empty findings, to fill during reading."""
        return Findings(self.filename, self.bundle.place if self.bundle else None)

    def open(self) -> IO[str]:
        """The content as text, line ends kept as they are."""
        return io.TextIOWrapper(progress.opened(self.path), encoding=self.encoding, errors=self.errors, newline="")


@dataclass(frozen=True)
class SourceRow:
    """One row as in the file: `number` is the line or, for lists and tables, the item."""

    number: int
    values: dict[str, Any]


def lines(stream: IO[str], findings: Findings) -> Iterator[tuple[int, str]]:
    """Numbered lines; an oversized line is a problem and ends the reading."""
    number = 0
    while line := stream.readline(MAX_LINE_CHARS + 1):
        number += 1
        if len(line) > MAX_LINE_CHARS:
            findings.problem(
                f"the line is longer than {MAX_LINE_CHARS / 1e6:.0f} million characters.",
                row=number,
                remedy="Put each row on its own line.",
                reach="file",
            )
            return
        yield number, line


def check_columns(names: list[str], findings: Findings) -> bool:
    """Whether the number of columns is within the limit for a table of texts."""
    if len(names) > MAX_COLUMNS:
        findings.problem(
            f"has {len(names):,} columns; the limit is {MAX_COLUMNS:,}.",
            remedy="Keep only the columns with the texts to learn from.",
        )
    return len(names) <= MAX_COLUMNS


def check_names(names: Iterable[str], findings: Findings, row: int | None = None) -> bool:
    """Whether no two columns have the same name; `row` is where the names stand."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    for name in twice:
        findings.problem("is the name of more than one column.", row=row, field=name, remedy="Rename one of them.")
    return not twice


def text_flaw(text: str) -> tuple[str, str] | None:
    """The reason why a text is unusable for any purpose, and the remedy; None for a usable text."""
    if "\x00" in text:
        return "holds a NUL character, which is not text.", "Remove it, or the row."
    if len(text) > MAX_CELL_CHARS:
        return (
            f"is {len(text):,} characters long; the limit is {MAX_CELL_CHARS:,}.",
            "Split it into several rows. If it should be shorter, look for an unclosed quote before it.",
        )
    return None
