"""Plain text: passages separated by blank lines or, without any, one text per line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from typing import IO

from storage.data.intake.findings import Findings
from storage.data.intake.source import Source, SourceRow, lines

TITLE = "plain text"
COLUMN = "text"


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """One row a passage; `number` is its first line."""
    with source.open() as stream:
        parted = sum(1 for _ in islice(_passages(stream, Findings(source.filename)), 2)) == 2
    with source.open() as stream:
        if parted:
            findings.remark("Read as plain text: passages end at blank lines.")
            for passage in _passages(stream, findings):
                begin, first = next(passage)
                text = [first, *(line for _, line in passage)]
                yield SourceRow(begin, {COLUMN: "\n".join(line.rstrip("\r\n") for line in text)})
        else:
            findings.remark("Read as plain text: each line is a row.")
            for number, line in lines(stream, findings):
                yield SourceRow(number, {COLUMN: line.rstrip("\r\n")})


def _passages(stream: IO[str], findings: Findings) -> Iterator[Iterator[tuple[int, str]]]:
    """The numbered lines between blank ones, which are gone when the next passage is asked for."""
    grouped = groupby(lines(stream, findings), key=lambda numbered: bool(numbered[1].strip()))
    return (passage for is_text, passage in grouped if is_text)
