"""Plain text: passages separated by blank lines or, without any, one text per line."""

from __future__ import annotations

from collections.abc import Iterator

from storage.data.intake.findings import Findings
from storage.data.intake.source import Source, SourceRow, lines

TITLE = "plain text"
COLUMN = "text"


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """One row per passage; `number` is its first line."""
    if _has_blank_lines(source):
        findings.remark("Read as plain text: passages end at blank lines.")
        yield from _passages(source, findings)
        return
    findings.remark("Read as plain text: each line is a row.")
    with source.open() as stream:
        for number, line in lines(stream, findings):
            yield SourceRow(number, {COLUMN: line.rstrip("\r\n")})


def _has_blank_lines(source: Source) -> bool:
    """Whether there is a blank line between two lines of text."""
    open_text = blank = False
    with source.open() as stream:
        for _, line in lines(stream, Findings(source.filename)):
            if not line.strip():
                blank = open_text
            elif blank:
                return True
            else:
                open_text = True
    return False


def _passages(source: Source, findings: Findings) -> Iterator[SourceRow]:
    begin, passage = 0, list[str]()
    with source.open() as stream:
        for number, line in lines(stream, findings):
            if line.strip():
                begin = begin if passage else number
                passage.append(line.rstrip("\r\n"))
            elif passage:
                yield SourceRow(begin, {COLUMN: "\n".join(passage)})
                passage = []
    if passage:
        yield SourceRow(begin, {COLUMN: "\n".join(passage)})
