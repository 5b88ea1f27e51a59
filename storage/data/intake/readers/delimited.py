"""CSV, TSV and their relatives: columns by delimiter, quotes by the book, every row equally wide."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from storage.data.intake.findings import Findings
from storage.data.intake.source import Source, SourceRow, check_columns, check_names, lines

TITLE = "table with delimiters"
_NO_LIMIT = 2**31 - 1
NO_DELIMITER = "\x1f"
"""For a table with one column: a character that texts never contain."""


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The rows under the line of column names; `number` is the line where a row starts."""
    csv.field_size_limit(_NO_LIMIT)  # cells are checked for length once their row and column are known
    with source.open() as stream:
        records = _records(source, (line for _, line in lines(stream, findings)), findings)
        header = next(records, None)
        names = _names(header[1], findings) if header else []
        if not names:
            return
        for number, cells in records:
            if len(cells) != len(names):
                fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
                findings.problem(
                    f"has {fields}, but there are {len(names)} columns ({', '.join(names[:6])}).",
                    row=number,
                    field=names[len(cells)] if len(cells) < len(names) else names[-1],
                    remedy="Put quotes around texts that contain the delimiter, or complete the row.",
                )
            else:
                yield SourceRow(number, dict(zip(names, cells, strict=True)))


def _records(source: Source, text_lines: Iterator[str], findings: Findings) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text_lines, delimiter=source.delimiter or NO_DELIMITER, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.problem(
                f"the quotes don't match ({error}): a text starts with a quote here but does not end with one.",
                row=number,
                remedy='Close the quote, and write a quote inside a quoted text twice ("").',
            )
            return
        if cells:
            yield number, cells
        else:
            findings.remark("Blank lines were skipped.", row=number)


def _names(cells: list[str], findings: Findings) -> list[str]:
    """The column names; none, with a problem noted, if they are ambiguous."""
    names = [cell.strip() for cell in cells]
    if not check_columns(names, findings):
        return []
    for position, name in enumerate(names, start=1):
        if not name:
            names[position - 1] = f"column {position}"
            findings.remark(f"Column {position} has no name; it is called “column {position}”.")
    return names if check_names(names, findings, row=1) else []
