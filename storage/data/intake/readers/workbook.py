"""Excel workbooks: the sheet with the data, column names in its first row, cells as the sheet shows them."""

from __future__ import annotations

from collections.abc import Iterator

from storage.data.intake.findings import Findings
from storage.data.intake.office import zip_files
from storage.data.intake.office.ooxml import Parts
from storage.data.intake.office.sheets import COMPUTE, Area, Cell, Row, Survey, Workbook, letters
from storage.data.intake.office.zip_files import Unusable
from storage.data.intake.source import Source, SourceRow, check_columns

TITLE = "Excel workbook"
_ALONE = "Save the one to learn from as a workbook of its own, and send that."
_ONE_LINE = "Keep one row with a name for each column, and delete what stands above it."


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The rows under the row of column names; `number` is the sheet's row."""
    try:
        with zip_files.opened(source.path) as file:
            workbook = Workbook(Parts(file))
            chosen = _chosen([workbook.survey(sheet) for sheet in workbook.sheets], findings)
            if chosen is not None and chosen.header is not None:
                yield from _rows(workbook, chosen, chosen.header, findings)
    except Unusable as error:
        findings.problem(error.message, remedy=error.remedy)


def _chosen(surveys: list[Survey], findings: Findings) -> Survey | None:
    """The sheet with most rows; the others are named, and refuse the file where they look like parts of one table."""
    filled = [survey for survey in surveys if survey.header]
    if not filled:
        findings.problem("has no data in any of its sheets.", remedy="Fill in a sheet, one row an example.")
        return None
    best = max(filled, key=lambda survey: (survey.n_rows > 0, not survey.sheet.hidden, survey.n_rows))
    others = [survey for survey in filled if survey is not best]
    alike = [survey for survey in others if survey.n_rows and _columns(survey) == _columns(best)]
    if alike:
        names = ", ".join(_titled(survey) for survey in [best, *alike])
        remedy = f"Put their rows into one sheet, one below the other. Or: {_ALONE[0].lower()}{_ALONE[1:]}"
        findings.problem(f"has several sheets with the same columns, and only one is read: {names}.", remedy=remedy)
        return None
    if others:
        left = ", ".join(_titled(survey) for survey in others)
        findings.remark(
            f"The workbook has several sheets with data; {_titled(best)} was read. Not read: {left}. {_ALONE}"
        )
    return best


def _titled(survey: Survey) -> str:
    rows = {0: "names only", 1: "1 row"}.get(survey.n_rows, f"{survey.n_rows:,} rows")
    return f"“{survey.sheet.name}” ({rows}{', hidden' if survey.sheet.hidden else ''})"


def _columns(survey: Survey) -> list[str]:
    return [_name(cell) for cell in survey.header.cells.values()] if survey.header else []


def _name(cell: Cell) -> str:
    return " ".join(cell.text.split())


def _rows(workbook: Workbook, survey: Survey, header: Row, findings: Findings) -> Iterator[SourceRow]:
    names = _names(header, survey.areas, findings)
    if not names:
        return
    merged = _Merged(survey.areas)
    expected = header.number + 1
    for row in workbook.rows(survey.sheet):
        if row.number <= header.number:
            continue
        if row.number != expected:
            findings.remark("Empty rows were passed over.", row=expected)
        expected = row.number + 1
        if row.hidden:
            findings.remark("Rows that are hidden in the sheet were read too.", row=row.number)
        values = _values(row, merged.filled(row, findings), names, header, findings)
        if values is not None:
            yield SourceRow(row.number, values)


def _names(header: Row, areas: list[Area], findings: Findings) -> dict[int, str]:
    """A name for each column up to the last that has one; none, with a problem noted, if they can't be told apart."""
    if not check_columns([_name(cell) for cell in header.cells.values()], findings):
        return {}
    names = {column: f"column {letters(column)}" for column in range(1, max(header.cells) + 1)}
    names |= {column: _name(cell) for column, cell in header.cells.items()}
    across = [area for area in areas if area.top <= header.number <= area.bottom]
    if across:
        findings.problem(
            f"the row of column names has merged cells ({', '.join(map(str, across[:3]))}).",
            row=header.number,
            remedy=_ONE_LINE,
        )
    for cell in header.cells.values():
        if cell.flaw:
            findings.problem(f"a column's name {cell.flaw}", row=header.number, remedy=COMPUTE)
    shown = list(names.values())
    twice = sorted({name for name in shown if shown.count(name) > 1})
    for name in twice:
        findings.problem(
            "is the name of more than one column.", row=header.number, field=name, remedy="Rename one of them."
        )
    return {} if across or twice else names


class _Merged:
    """Merged cells, whose value stands in the first one only."""

    def __init__(self, areas: list[Area]):
        self._areas = {(area.top, area.left): area for area in areas}
        self._open: dict[int, tuple[int, Cell]] = {}

    def filled(self, row: Row, findings: Findings) -> dict[int, Cell]:
        """The row's cells, and those that a merged cell from above stretches over."""
        self._open = {column: held for column, held in self._open.items() if held[0] >= row.number}
        above = {column: cell for column, (_, cell) in self._open.items() if column not in row.cells}
        if above:
            findings.remark("Merged cells were read as the same value in each of their rows.", row=row.number)
        for column, cell in row.cells.items():
            area = self._areas.get((row.number, column))
            if area is None:
                continue
            if area.bottom > row.number:
                self._open[column] = (area.bottom, cell)
            if area.right > column:
                findings.remark("Cells merged over several columns were read as the first of them.", row=row.number)
        return {**above, **row.cells}


def _values(
    row: Row, cells: dict[int, Cell], names: dict[int, str], header: Row, findings: Findings
) -> dict[str, str] | None:
    """The row by column names, empty texts for empty cells; None, with problems noted, where a value has no place."""
    values = {names[column]: "" for column in header.cells}
    n_before = findings.n_problems
    for column in sorted(cells):
        cell, name = cells[column], names.get(column) or f"column {letters(column)}"
        if cell.flaw:
            findings.problem(cell.flaw, row=row.number, field=name, remedy=COMPUTE)
        elif column not in names:
            findings.problem(
                f"there is a value beyond the last column with a name in row {header.number}.",
                row=row.number,
                field=name,
                remedy=f"Give the column a name, or delete it. {_ONE_LINE}",
            )
        elif column not in header.cells:
            findings.remark(f"Column {letters(column)} has no name; it is called “{name}”.", row=row.number)
        if cell.remark:
            findings.remark(cell.remark, row=row.number)
        values[name] = cell.text
    return values if findings.n_problems == n_before else None
