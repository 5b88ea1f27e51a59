"""The sheets of an Excel workbook as rows of texts, as its cells show them (ECMA-376, part 1, 18)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import isinf
from typing import Any, NamedTuple

from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.worksheet.cell_range import CellRange

from storage.data.intake import headers
from storage.data.intake.office import number_formats
from storage.data.intake.office.ooxml import Parts, attribute, damaged, local

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
DATES = "Dates and times were written as year-month-day and hours:minutes."
ROUNDED = "Numbers were read as their cells show them, which is less than they hold: rounded, or without the time."
LONG = "Numbers of more than 15 digits: Excel keeps no more, so the last digits may be lost. Store them as text."
UNCOMPUTED = "Some results of formulas were not computed by Excel. If they look wrong, save the file in Excel."
NO_RESULT = "holds a formula without its result."
ERRORS = "Formula errors, such as #N/A, were read as the text that their cells show."
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BOOLEANS = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}
_TRUE = ("1", "true")
_PLACE = re.compile(r"\d{1,9}", re.ASCII)
"""Index of a text or a format in its list."""
_ESCAPE = re.compile(r"_x(?![Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")
"""Characters that XML can't hold are written `_x000D_`; lone surrogates stay in this form."""


class Cell(NamedTuple):
    """The text that a cell shows, or `flaw` if it isn't known."""

    text: str
    remark: str | None = None
    flaw: str | None = None


class Row(NamedTuple):
    """The non-empty cells, by column counted from 1."""

    number: int
    cells: dict[int, Cell]
    hidden: bool


@dataclass
class Sheet:
    """A sheet with cells, and its contents. Users don't see `hidden` sheets unless they look for them."""

    name: str
    part: str
    hidden: bool
    header: Row | None = None
    """The row of column names: the first non-empty row that is no title."""
    titles: list[Row] = field(default_factory=list)
    """The non-empty rows above it."""
    n_rows: int = 0
    """Rows with cells below it."""
    areas: list[CellRange] = field(default_factory=list)
    """Merged cells."""


class Workbook:
    """A workbook with its strings and formats loaded. All methods raise `Unusable` for a damaged one."""

    def __init__(self, parts: Parts):
        self._parts = parts
        main = parts.main()
        targets = {relation.id: relation for relation in parts.relations(main)}
        self.sheets: list[Sheet] = []
        self._from_1904 = self._uncomputed = False
        for element in parts.elements(main, "workbookPr", "sheet", "calcPr"):
            self._from_1904 |= element.get("date1904") in _TRUE
            self._uncomputed |= element.get("fullCalcOnLoad") in _TRUE
            if local(element.tag) == "sheet":
                name, relation = element.get("name") or "", targets.get(attribute(element, "id") or "")
                if relation is None:
                    raise damaged(f"its sheet “{name}” is missing")
                if relation.kind == "worksheet":
                    self.sheets.append(Sheet(name, relation.target, element.get("state") in ("hidden", "veryHidden")))
        strings, styles = parts.related(main, "sharedStrings"), parts.related(main, "styles")
        self._strings = [_text(element) for element in parts.elements(strings, "si")] if strings else []
        self._formats = _formats(parts, styles) if styles else []
        for sheet in self.sheets:
            self._survey(sheet)

    def _survey(self, sheet: Sheet) -> None:
        """Fill in the sheet's contents without reading any cells except those of the first rows."""
        number = 0
        first: list[Row] = []
        for element in self._parts.elements(sheet.part, "row", "mergeCell"):
            if local(element.tag) == "mergeCell":
                sheet.areas.append(_area(element.get("ref") or ""))
                continue
            number = _row_number(element, number)
            if len(first) < headers.LOOKED_AT:
                row = self._row(element, number)
                first += [row] if row.cells else []
            elif any(len(cell) for cell in element):
                sheet.n_rows += 1
        if first:
            n_titles = headers.n_titles([_spread(row) for row in first], even=False)
            sheet.titles, sheet.header = first[:n_titles], first[n_titles]
            sheet.n_rows += len(first) - n_titles - 1

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """The non-empty rows."""
        number = 0
        for element in self._parts.elements(sheet.part, "row"):
            number = _row_number(element, number)
            row = self._row(element, number)
            if row.cells:
                yield row

    def _row(self, element: Any, number: int) -> Row:
        cells: dict[int, Cell] = {}
        column = 0
        for child in element:
            column = _column(child.get("r"), column, number)
            cell = self._cell(child, f"cell {get_column_letter(column)}{number}") if len(child) else None
            if cell and (cell.flaw or cell.text.strip()):
                cells[column] = cell
        return Row(number, cells, element.get("hidden") in _TRUE)

    def _cell(self, element: Any, place: str) -> Cell:
        inside: dict[str, Any] = {}
        for child in element:
            name = local(child.tag)
            if name == "v" and inside.get("v"):
                raise damaged(f"{place} has more than one value")
            inside[name] = child.text if name == "v" else child
        if "is" in inside:
            return Cell(_text(inside["is"]))
        kind, value = element.get("t") or "n", inside.get("v") or ""
        if not value:
            return Cell("", flaw=NO_RESULT if "f" in inside and kind != "str" else None)
        cell = self._shown(kind, value, element.get("s") or "0", place)
        return Cell(cell.text, cell.remark or UNCOMPUTED) if "f" in inside and self._uncomputed else cell

    def _shown(self, kind: str, value: str, style: str, place: str) -> Cell:
        if kind == "s":
            if not _PLACE.fullmatch(value) or int(value) >= len(self._strings):
                raise damaged(f"{place} points to a text that is missing")
            return Cell(self._strings[int(value)])
        if kind in ("str", "e"):
            return Cell(_unescaped(value), ERRORS if kind == "e" else None)
        if kind == "d":
            return Cell(value.replace("T", " "))
        if kind == "b" and value.strip() in _BOOLEANS:
            return Cell(_BOOLEANS[value.strip()])
        if kind != "n" or not _NUMBER.fullmatch(value.strip()) or isinf(float(value)):
            called = "true or false" if kind == "b" else "a number"
            raise damaged(f"{place} holds “{value[:20]}” where {called} should be")
        if not _PLACE.fullmatch(style) or (self._formats and int(style) >= len(self._formats)):
            raise damaged(f"{place} has a format that is missing")
        return self._number(float(value), self._formats[int(style)] if self._formats else number_formats.GENERAL)

    def _number(self, value: float, code: str) -> Cell:
        shown = number_formats.shown(value, code, from_1904=self._from_1904)
        is_long = abs(value) >= number_formats.MOST and value.is_integer()
        return Cell(shown.text, ROUNDED if shown.hides else DATES if shown.is_date else LONG if is_long else None)


def _spread(row: Row) -> list[str]:
    """The cells from the first column on."""
    return [row.cells[column].text if column in row.cells else "" for column in range(1, max(row.cells) + 1)]


def _formats(parts: Parts, part: str) -> list[str]:
    """The number format of each style that cells refer to."""
    codes: dict[str, str] = {}
    found: list[str] = []
    for element in parts.elements(part, "numFmts", "cellXfs"):
        if local(element.tag) == "cellXfs":
            ids = [child.get("numFmtId") or "0" for child in element]
            built_in = {str(key): code for key, code in number_formats.BUILT_IN.items()}
            found += [codes.get(one) or built_in.get(one, number_formats.GENERAL) for one in ids]
            continue
        codes = {child.get("numFmtId") or "": child.get("formatCode") or "" for child in element}
        longest = max(map(len, codes.values()), default=0)
        if longest > number_formats.MAX_CODE_CHARS:
            raise damaged(f"a number format of {longest:,} characters")
    return found


def _text(element: Any) -> str:
    """A string's text: all its runs, without the phonetic readings above Asian characters."""
    runs = (run for run in element.iter("{*}t") if local(run.getparent().tag) != "rPh")
    return _unescaped("".join(run.text or "" for run in runs))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _row_number(element: Any, before: int) -> int:
    """The row's number; a row without one follows the row before it."""
    given = element.get("r") or str(before + 1)
    number = int(given) if _PLACE.fullmatch(given) else 0
    if not before < number <= MAX_ROW:
        raise damaged(f"row “{given[:20]}” after row {before}")
    return number


def _column(reference: str | None, before: int, row: int) -> int:
    """A cell's column, in the same way; a cell names its row too."""
    name = (reference or "").rstrip("0123456789")
    if reference is not None and reference[len(name) :] != str(row):
        raise damaged(f"cell “{reference[:20]}” in row {row}")
    column = before + 1 if reference is None else _number_of(name)
    if not before < column <= MAX_COLUMN:
        raise damaged(f"cell “{(reference or '')[:20]}” after column {before}")
    return column


@lru_cache(maxsize=MAX_COLUMN)
def _number_of(name: str) -> int:
    """A column's number by its name; 0 for an invalid name."""
    try:
        return column_index_from_string(name)
    except ValueError:
        return 0


def _area(reference: str) -> CellRange:
    try:
        return CellRange(reference)
    except (ValueError, TypeError) as error:
        raise damaged(f"merged cells “{reference[:40]}”") from error
