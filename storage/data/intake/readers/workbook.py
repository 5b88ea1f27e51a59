"""Excel workbooks: the sheet with the data, column names in its first row, cells as the sheet shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from storage.data.intake import headers
from storage.data.intake.findings import Findings
from storage.data.intake.office import zip_files
from storage.data.intake.office.ooxml import Parts
from storage.data.intake.office.zip_files import Unusable
from storage.data.intake.source import Source, SourceRow, check_columns, check_names

if TYPE_CHECKING:
    from storage.data.intake.office.sheets import Cell, Row, Sheet

TITLE = "Excel workbook"
_ALONE = "Save the sheet to learn from as its own workbook, and send that."
_ONE_LINE = "Keep one row with a name for each column, and delete everything above it."
_COMPUTE = "Open the workbook in Excel or LibreOffice, save it, and send it again."


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The rows under the row of column names; `number` is the sheet's row."""
    from storage.data.intake.office.sheets import (
        Workbook,  # needed late: the web process starts smaller without openpyxl
    )

    try:
        with zip_files.opened(source.path) as file:
            workbook = Workbook(Parts(file))
            sheet = _chosen(workbook.sheets, findings)
            names = _names(sheet, findings) if sheet else {}
            if sheet and sheet.header and names:
                for title in sheet.titles:
                    message, remedy = headers.TITLE
                    findings.problem(message.format(sheet.header.number), row=title.number, remedy=remedy)
                yield from _rows(workbook.rows(sheet), sheet, sheet.header, names, findings)
    except Unusable as error:
        findings.problem(error.message, remedy=error.remedy)


def _chosen(sheets: list[Sheet], findings: Findings) -> Sheet | None:
    """The sheet with the most rows. A remark names the rest; parts of one table refuse the file instead."""
    filled = [sheet for sheet in sheets if sheet.header]
    if not filled:
        findings.problem("has no data in any sheet.", remedy="Fill in a sheet, one example per row.")
        return None
    best = max(filled, key=lambda sheet: (sheet.n_rows > 0, not sheet.hidden, sheet.n_rows))
    others = [sheet for sheet in filled if sheet is not best]
    alike = [sheet for sheet in others if sheet.n_rows and _columns(sheet) == _columns(best)]
    if alike:
        names = ", ".join(map(_titled, [best, *alike]))
        remedy = f"Put their rows into one sheet, one below the other. Or: {_ALONE[0].lower()}{_ALONE[1:]}"
        findings.problem(f"has several sheets with the same columns, and only one is read: {names}.", remedy=remedy)
        return None
    if others:
        left = ", ".join(map(_titled, others))
        findings.remark(
            f"The workbook has several sheets with data; {_titled(best)} was read. Not read: {left}. {_ALONE}"
        )
    return best


def _titled(sheet: Sheet) -> str:
    rows = {0: "names only", 1: "1 row"}.get(sheet.n_rows, f"{sheet.n_rows:,} rows")
    return f"“{sheet.name}” ({rows}{', hidden' if sheet.hidden else ''})"


def _columns(sheet: Sheet) -> list[str]:
    return _columns_in(sheet.header.cells) if sheet.header else []


def _columns_in(cells: dict[int, Cell]) -> list[str]:
    return [" ".join(cell.text.split()) for _, cell in sorted(cells.items())]


def _unnamed(column: int) -> str:
    from openpyxl.utils import get_column_letter

    return f"column {get_column_letter(column)}"


def _names(sheet: Sheet, findings: Findings) -> dict[int, str]:
    """A name for each column up to the last one with a name; none, with a problem noted, if they are ambiguous."""
    header = sheet.header
    if header is None or not check_columns(_columns(sheet), findings):
        return {}
    names = {column: _unnamed(column) for column in range(1, max(header.cells) + 1)}
    names |= dict(zip(header.cells, _columns(sheet), strict=True))
    across = [area.coord for area in sheet.areas if area.min_row <= header.number <= area.max_row]
    if across:
        merged = f"the row of column names has merged cells ({', '.join(across[:3])})."
        findings.problem(merged, row=header.number, remedy=_ONE_LINE)
    for cell in header.cells.values():
        if cell.flaw:
            findings.problem(f"a column's name {cell.flaw}", row=header.number, remedy=_COMPUTE)
    are_names = check_names(names.values(), findings, header.number) and not across
    return names if are_names else {}


def _rows(
    rows: Iterator[Row], sheet: Sheet, header: Row, names: dict[int, str], findings: Findings
) -> Iterator[SourceRow]:
    expected = header.number + 1
    for row, cells in _filled((row for row in rows if row.number > header.number), sheet, findings):
        if row.number != expected:
            findings.remark("Empty rows were skipped.", row=expected)
        expected = row.number + 1
        if row.hidden:
            findings.remark("Hidden rows of the sheet were read too.", row=row.number)
        values = _values(row.number, cells, names, header, findings)
        if values is not None and _columns_in(cells) == [names[column] for column in header.cells]:
            message, remedy = headers.REPEATED
            findings.problem(message.format(header.number), row=row.number, remedy=remedy)
        elif values is not None:
            yield SourceRow(row.number, values)


def _filled(rows: Iterator[Row], sheet: Sheet, findings: Findings) -> Iterator[tuple[Row, dict[int, Cell]]]:
    """Each row's cells, including those covered by a merged cell from above, which holds the only value."""
    areas = {(area.min_row, area.min_col): area for area in sheet.areas}
    held: dict[int, tuple[int, Cell]] = {}
    for row in rows:
        held = {column: (last, cell) for column, (last, cell) in held.items() if last >= row.number}
        above = {column: cell for column, (_, cell) in held.items() if column not in row.cells}
        if above:
            findings.remark("Merged cells were read as the same value in each of their rows.", row=row.number)
        for column, cell in row.cells.items():
            area = areas.get((row.number, column))
            if area and area.max_row > row.number:
                held[column] = (area.max_row, cell)
            if area and area.max_col > column:
                findings.remark("Cells merged over several columns were read as the first one.", row=row.number)
        yield row, {**above, **row.cells}


def _values(
    row: int, cells: dict[int, Cell], names: dict[int, str], header: Row, findings: Findings
) -> dict[str, str] | None:
    """The row by column name, with empty texts for empty cells; None, with problems noted, if a value has no column."""
    values = {names[column]: "" for column in header.cells}
    n_before = findings.n_problems
    for column, cell in sorted(cells.items()):
        name = names.get(column) or _unnamed(column)
        if cell.flaw:
            findings.problem(cell.flaw, row=row, field=name, remedy=_COMPUTE)
        elif column not in names:
            said = f"there is a value beyond the last column named in row {header.number}."
            remedy = f"Give the column a name, or delete it. {_ONE_LINE}"
            findings.problem(said, row=row, field=name, remedy=remedy)
        elif column not in header.cells:
            findings.remark(f"C{name[1:]} has no name; the studio calls it “{name}”.", row=row)
        if cell.remark:
            findings.remark(cell.remark, row=row)
        values[name] = cell.text
    return values if findings.n_problems == n_before else None
