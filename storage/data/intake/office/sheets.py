"""The sheets of an Excel workbook as rows of texts, as its cells show them (ECMA-376, part 1, 18)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from storage.data.intake.office import number_formats
from storage.data.intake.office.ooxml import Parts, attribute, damaged, local

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
DATES = "Dates and times were written as year-month-day and hours:minutes."
ROUNDED = "Numbers were read as their cells show them, which is less than they hold: rounded, or without the time."
LONG = "Numbers of more than 15 digits: Excel keeps no more, so the last digits may be lost. Store such as text."
UNCOMPUTED = "Results of formulas were read that Excel did not compute itself. If they look wrong, save the file in it."
NO_RESULT = "holds a formula without its result."
ERRORS = "Errors of formulas, such as #N/A, were read as the text that their cells show."
COMPUTE = "Open the workbook in Excel or LibreOffice, save it, and send it again."
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})", re.ASCII)
_LETTERS = re.compile(r"[A-Z]{1,3}")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BOOLEANS = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True)
class Cell:
    """What a cell shows; `flaw` instead, where that isn't known."""

    text: str
    remark: str | None = None
    flaw: str | None = None


@dataclass(frozen=True)
class Row:
    """The cells that are not empty, by column counted from 1."""

    number: int
    cells: dict[int, Cell]
    hidden: bool


@dataclass(frozen=True)
class Area:
    """Merged cells."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        return f"{letters(self.left)}{self.top}:{letters(self.right)}{self.bottom}"


@dataclass(frozen=True)
class Sheet:
    """A sheet with cells. `hidden` ones are not seen without looking for them."""

    name: str
    part: str
    hidden: bool


def letters(column: int) -> str:
    """A column's name in the sheet: A, B, … AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


@dataclass
class Survey:
    """What a sheet holds, before its rows are read."""

    sheet: Sheet
    header: Row | None = None
    """The first row that is not empty."""
    n_rows: int = 0
    """Rows with cells below it."""
    areas: list[Area] = field(default_factory=list)


class Workbook:
    """A workbook whose strings and formats are known. Everything raises `Unusable` for a damaged one."""

    def __init__(self, parts: Parts):
        self._parts = parts
        main = parts.main()
        targets = {relation.id: relation for relation in parts.relations(main)}
        self.sheets: list[Sheet] = []
        self._from_1904 = self._uncomputed = False
        for element in parts.elements(main, "workbookPr", "sheet", "calcPr"):
            if local(element.tag) == "sheet":
                relation = targets.get(attribute(element, "id") or "")
                if relation is None:
                    raise damaged(f"its sheet “{element.get('name')}” is missing")
                if relation.kind == "worksheet":
                    hidden = element.get("state") in ("hidden", "veryHidden")
                    self.sheets.append(Sheet(element.get("name") or "", relation.target, hidden))
            self._from_1904 |= element.get("date1904") in ("1", "true")
            self._uncomputed |= element.get("fullCalcOnLoad") in ("1", "true")
        strings, styles = parts.related(main, "sharedStrings"), parts.related(main, "styles")
        self._strings = [_text(element) for element in parts.elements(strings, "si")] if strings else []
        self._formats = _formats(parts, styles) if styles else []

    def survey(self, sheet: Sheet) -> Survey:
        """What a sheet holds, without a look into its cells but those of the first row."""
        survey = Survey(sheet)
        number = 0
        for element in self._parts.elements(sheet.part, "row", "mergeCell"):
            if local(element.tag) == "mergeCell":
                survey.areas.append(_area(element.get("ref") or ""))
                continue
            number = _row_number(element, number)
            if survey.header is None:
                row = self._row(element, number)
                survey.header = row if row.cells else None
            elif any(len(cell) for cell in element):
                survey.n_rows += 1
        return survey

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """The rows that are not empty."""
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
            cell = self._cell(child, column, number) if len(child) else None
            if cell and (cell.flaw or cell.text.strip()):
                cells[column] = cell
        return Row(number, cells, element.get("hidden") in ("1", "true"))

    def _cell(self, element: Any, column: int, row: int) -> Cell:
        kind = element.get("t") or "n"
        value, is_formula = "", False
        for child in element:
            name = local(child.tag)
            if name == "v":
                if value:
                    raise damaged(f"cell {letters(column)}{row} has more than one value")
                value = child.text or ""
            elif name == "is":
                return Cell(_text(child))
            elif name == "f":
                is_formula = True
        if is_formula and not value and kind != "str":
            return Cell("", flaw=NO_RESULT)
        try:
            cell = self._shown(kind, value, element.get("s") or "0") if value else Cell("")
        except ValueError as error:
            raise damaged(f"cell {letters(column)}{row} {error}") from error
        return Cell(cell.text, cell.remark or UNCOMPUTED) if is_formula and self._uncomputed else cell

    def _shown(self, kind: str, value: str, style: str) -> Cell:
        """Raises `ValueError`, worded to follow the cell's name, for a value that is none of its kind."""
        if kind == "s":
            place = _whole(value)
            if place is None or place >= len(self._strings):
                raise ValueError("points to a text that is missing")
            return Cell(self._strings[place])
        if kind in ("str", "e"):
            return Cell(_unescaped(value), ERRORS if kind == "e" else None)
        if kind == "d":
            return Cell(value.replace("T", " "))
        if kind == "b" and value.strip() in _BOOLEANS:
            return Cell(_BOOLEANS[value.strip()])
        if kind != "n" or not _NUMBER.fullmatch(value.strip()) or abs(float(value)) == float("inf"):
            raise ValueError(f"holds “{value[:20]}” where {'true or false' if kind == 'b' else 'a number'} should be")
        return self._number(float(value), style)

    def _number(self, value: float, style: str) -> Cell:
        place = _whole(style)
        if place is None or (self._formats and place >= len(self._formats)):
            raise ValueError("has a format that is missing")
        code = self._formats[place] if self._formats else number_formats.GENERAL
        shown = number_formats.shown(value, code, from_1904=self._from_1904)
        if shown.hides:
            return Cell(shown.text, ROUNDED)
        if shown.is_date:
            return Cell(shown.text, DATES)
        is_long = abs(value) >= number_formats.MOST and value.is_integer()
        return Cell(shown.text, LONG if is_long else None)


def _formats(parts: Parts, part: str) -> list[str]:
    """The number format of each style that cells refer to."""
    codes: dict[str, str] = {}
    found: list[str] = []
    for element in parts.elements(part, "numFmts", "cellXfs"):
        if local(element.tag) == "numFmts":
            codes = {child.get("numFmtId") or "": child.get("formatCode") or "" for child in element}
            longest = max(map(len, codes.values()), default=0)
            if longest > number_formats.MAX_CODE_CHARS:
                raise damaged(f"a number format of {longest:,} characters")
            continue
        for child in element:
            known = child.get("numFmtId") or "0"
            built_in = number_formats.BUILT_IN.get(_whole(known) or 0, number_formats.GENERAL)
            found.append(codes.get(known) or built_in)
    return found


def _text(element: Any) -> str:
    """A string's text, all its runs, without the readings that stand above Asian characters."""
    runs = (run for run in element.iter("{*}t") if local(run.getparent().tag) != "rPh")
    return _unescaped("".join(run.text or "" for run in runs))


def _unescaped(text: str) -> str:
    """Characters that XML can't hold are written `_x000D_`; half characters stay as they are written."""

    def character(match: re.Match[str]) -> str:
        code = int(match.group(1), 16)
        return match.group() if code in _SURROGATES else chr(code)

    return _ESCAPE.sub(character, text) if "_x" in text else text


def _whole(digits: str) -> int | None:
    """The number that ASCII digits spell; None for anything else, and for more than any place in a workbook has."""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def _row_number(element: Any, before: int) -> int:
    """The row's number; one that doesn't say follows the one before it."""
    given = element.get("r") or str(before + 1)
    number = _whole(given) or 0
    if not before < number <= MAX_ROW:
        raise damaged(f"row “{given[:20]}” after row {before}")
    return number


def _column(reference: str | None, before: int, row: int) -> int:
    """The column of a cell, likewise; it names its row too."""
    name = (reference or "").rstrip("0123456789")
    if reference is not None and reference[len(name) :] != str(row):
        raise damaged(f"cell “{reference[:20]}” in row {row}")
    column = before + 1 if reference is None else _number_of(name)
    if not before < column <= MAX_COLUMN:
        raise damaged(f"cell “{(reference or '')[:20]}” after column {before}")
    return column


@lru_cache(maxsize=MAX_COLUMN)
def _number_of(name: str) -> int:
    """A column's number by its name; 0 for what is no name."""
    number = 0
    if not _LETTERS.fullmatch(name):
        return number
    for letter in name:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _area(reference: str) -> Area:
    corners = [_REFERENCE.fullmatch(corner) for corner in reference.split(":")]
    if len(corners) not in (1, 2) or not all(corners):
        raise damaged(f"merged cells “{reference[:40]}”")
    (left, top), (right, bottom) = (
        (_number_of(corner.group(1)), int(corner.group(2))) for corner in (corners[0], corners[-1]) if corner
    )
    return Area(min(top, bottom), min(left, right), max(top, bottom), max(left, right))
