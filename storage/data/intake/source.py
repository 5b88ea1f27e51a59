"""A file that is known how to read: format, encoding, delimiter."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from storage import progress
from storage.data.intake.bundles import Allowance, Bundle
from storage.data.intake.findings import Findings

MAX_LINE_CHARS = 16_000_000
MAX_CELL_CHARS = 1_000_000
MAX_COLUMNS = 1_000
MAX_ROWS = 5_000_000


@dataclass(frozen=True)
class Source:
    """Where a file is and how it is read. `filename` is the name under which the person knows it."""

    path: Path
    filename: str
    format: str
    """Key of the reader in `storage.data.intake.readers`."""
    encoding: str | None = None
    """None for a format that is not text."""
    delimiter: str | None = None
    layout: str | None = None
    """Key of the layout in `storage.data.intake.layouts` whose items hold the rows; None: the items are the rows."""
    bundle: Bundle | None = field(default=None, compare=False, repr=False)
    """The files in it, where it is several files."""
    allowance: Allowance | None = field(default=None, compare=False, repr=False)
    """That of all of them, where it is one of several; it then lies in a folder that is theirs alone."""

    def findings(self) -> Findings:
        """What is found in it, to be filled."""
        return Findings(self.filename, self.bundle.place if self.bundle else None)

    def open(self) -> IO[str]:
        """The content as text, line ends kept as they are."""
        return io.TextIOWrapper(progress.opened(self.path), encoding=self.encoding, errors="strict", newline="")


@dataclass(frozen=True)
class SourceRow:
    """One row as it stands in the file: `number` is the line, or for lists and tables the item."""

    number: int
    values: dict[str, Any]


def lines(stream: IO[str], findings: Findings) -> Iterator[tuple[int, str]]:
    """Numbered lines; a line beyond all measure is a problem and ends the reading."""
    number = 0
    while line := stream.readline(MAX_LINE_CHARS + 1):
        number += 1
        if len(line) > MAX_LINE_CHARS:
            findings.problem(
                f"the line is longer than {MAX_LINE_CHARS / 1e6:.0f} million characters.",
                row=number,
                remedy="Put each row on a line of its own.",
            )
            return
        yield number, line


def check_columns(names: list[str], findings: Findings) -> bool:
    """Whether there are no more columns than a table of texts can have."""
    if len(names) > MAX_COLUMNS:
        findings.problem(
            f"has {len(names):,} columns; at most {MAX_COLUMNS:,} can be read.",
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
    """What makes a text unusable whatever it is for, and the remedy; None for a usable one."""
    if "\x00" in text:
        return "holds a NUL character, which is not text.", "Remove it, or the row."
    if len(text) > MAX_CELL_CHARS:
        return (
            f"is {len(text):,} characters long; at most {MAX_CELL_CHARS:,} are taken.",
            "Split it into several rows. If it should be shorter, a quote before it may not be closed.",
        )
    return None
