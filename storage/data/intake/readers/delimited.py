"""CSV, TSV and their relatives: columns by delimiter, quotes by the book, every row equally wide."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice

from storage.data.intake import headers, unreadable
from storage.data.intake.findings import Findings
from storage.data.intake.source import Source, SourceRow, check_columns, check_names, lines

TITLE = "table with delimiters"
_NO_LIMIT = 2**31 - 1
NO_DELIMITER = "\x1f"
"""For a table with one column: a character that texts never contain."""
MAX_BROKEN_QUOTES = 100
"""After more rows whose quotes don't match, the rest of the file is not read."""
MAX_ROW_CHARS = 16_000_000
"""A quoted text that has not ended after so much more probably lacks its closing quote."""
_Record = tuple[int, list[str]]


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The rows under the line of column names; `number` is the line where a row starts."""
    csv.field_size_limit(_NO_LIMIT)  # cells are checked for length once their row and column are known
    with source.open() as stream:
        records = _Records(source, (line for _, line in lines(stream, findings)), findings).read()
        header, rows = _header(records, findings)
        names = _names(header, findings, source.replaces) if header else []
        if not header or not names:
            return
        repeated = [cell.strip() for cell in header[1]]
        for number, cells in rows:
            if len(cells) != len(names):
                fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
                findings.problem(
                    f"has {fields}, but there are {len(names)} columns ({', '.join(names[:6])}).",
                    row=number,
                    field=names[len(cells)] if len(cells) < len(names) else names[-1],
                    remedy="Put quotes around texts that contain the delimiter, complete the row, or leave it out.",
                )
            elif cells[0].strip() == repeated[0] and [cell.strip() for cell in cells] == repeated:
                message, remedy = headers.REPEATED
                findings.problem(message.format(header[0]), row=number, remedy=remedy)
            else:
                yield SourceRow(number, dict(zip(names, cells, strict=True)))


def _header(records: Iterator[_Record], findings: Findings) -> tuple[_Record | None, Iterator[_Record]]:
    """The row of column names and the rows below it; rows above it are problems."""
    first = list(islice(records, headers.LOOKED_AT))
    n_titles = headers.n_titles([cells for _, cells in first])
    for number, cells in first[:n_titles]:
        if any(cell.strip() for cell in cells):
            message, remedy = headers.TITLE
            findings.problem(message.format(first[n_titles][0]), row=number, remedy=remedy)
        else:
            findings.remark("Blank lines were skipped.", row=number)
    return (first[n_titles] if first else None), chain(first[n_titles + 1 :], records)


class _Records:
    """The rows of a table as lists of cells, numbered by their first line."""

    def __init__(self, source: Source, text_lines: Iterator[str], findings: Findings):
        self._delimiter = source.delimiter or NO_DELIMITER
        self._lines = text_lines
        self._findings = findings
        self._again: deque[str] = deque()
        """Lines to read once more, after a row whose quotes don't match."""
        self._taken: list[str] = []
        """The lines of the current row."""
        self._n_chars = 0

    def read(self) -> Iterator[_Record]:
        """All rows. After one whose quotes don't match, reading goes on with the line below its first."""
        number, n_broken = 1, 0
        reader = self._reader()
        while True:
            self._taken, self._n_chars = [], 0
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                n_broken += 1
                is_last = n_broken > MAX_BROKEN_QUOTES
                self._findings.problem(
                    f"the quotes don't match ({error}): a text starts with a quote here but does not end with one.",
                    row=number,
                    remedy='Close the quote, and write a quote inside a quoted text twice (""), or leave out the row.',
                    reach="file" if is_last else "row",
                )
                if is_last:
                    return
                self._again.extendleft(reversed(self._taken[1:]))
                number += 1
                reader = self._reader()
                continue
            if cells:
                yield number, cells
            else:
                self._findings.remark("Blank lines were skipped.", row=number)
            number += len(self._taken)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._text_lines(), delimiter=self._delimiter, strict=True)

    def _text_lines(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else next(self._lines, None)
            if line is None:
                return
            self._taken.append(line)
            self._n_chars += len(line)
            if len(self._taken) > 1 and self._n_chars > MAX_ROW_CHARS:
                raise csv.Error("no closing quote was found")
            yield line


def _names(header: _Record, findings: Findings, replaces: bool) -> list[str]:
    """The column names; none, with a problem noted, if they are ambiguous."""
    number, cells = header
    names = [cell.strip() for cell in cells]
    if not check_columns(names, findings):
        return []
    for position, name in enumerate(names, start=1):
        if unreadable.is_in(name) and replaces:
            names[position - 1] = unreadable.mended(name)
        elif unreadable.is_in(name):
            message, _ = unreadable.FLAW
            findings.problem(message, row=number, field=name, remedy="Save the whole file as UTF-8.", reach="file")
        if not name:
            names[position - 1] = f"column {position}"
            findings.remark(f"Column {position} has no name; it is called “column {position}”.")
    return names if check_names(names, findings, row=number) else []
