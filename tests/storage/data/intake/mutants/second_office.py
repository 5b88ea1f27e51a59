"""Word documents and workbooks read whole with Python's own XML parser: words, and cells by their places."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lxml import etree

from storage.data.intake.source import SourceRow

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
Cells = dict[tuple[int, str], set[str]]
"""For row and column letters, what the cell may be read as; an empty set: anything, by its number format."""


def words(path: Path) -> str:
    """All that the document's XML holds as text, wherever, and the signs that elements stand for."""
    found: list[str] = []
    for content in _parts(path).values():
        for element in _parsed(content).iter():
            found += [element.text or "", "-" if _local(element) == "noBreakHyphen" else ""]
    return "".join(found)


def difference(path: Path, rows: list[SourceRow]) -> str | None:
    """Where no sheet of the workbook holds these rows, each cell in its place; None: one of them does."""
    parts = _parts(path)
    strings = [_string(item) for name in parts if "sharedstrings" in name for item in _all(parts[name], "si")]
    sheets = [content for content in parts.values() if _all(content, "row")]
    said = [_of_sheet(_cells(content, strings), _merged(content), rows) for content in sheets]
    return None if None in said else "; ".join(filter(None, said)) or "no part of the file is a sheet"


def _parts(path: Path) -> dict[str, bytes]:
    """The parts that are whole and XML; a reader has no need of the others."""
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            try:
                content = file.read(name)
                _parsed(content)
            except (zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError):
                continue
            found[name.lower()] = content
    return found


def _of_sheet(cells: Cells, merged: set[tuple[int, str]], rows: list[SourceRow]) -> str | None:
    header = min((row for (row, _), texts in cells.items() if _is_filled(texts)), default=0)
    columns = {column: texts for (row, column), texts in cells.items() if row == header and _is_filled(texts)}
    named = {name: column for column, texts in columns.items() for name in map(_name, texts)}
    for row in rows:
        for name, value in row.values.items():
            column = named.get(name) or name.removeprefix("column ")
            texts = cells.get((row.number, column), {""})
            inside = (row.number, column) in merged
            if texts and value not in texts and value.strip() and not inside:
                return f"row {row.number}, column {column} ({name}) is {value[:200]!r}, but the sheet holds {texts}"
    numbers = {row for (row, _), texts in cells.items() if row > header and _is_filled(texts)}
    missing = numbers - {row.number for row in rows}
    return f"rows {sorted(missing)} are missing" if missing else None


def _is_filled(texts: set[str]) -> bool:
    return not texts or any(text.strip() for text in texts)


def _name(text: str) -> str:
    return " ".join(text.split())


def _cells(content: bytes, strings: list[str]) -> Cells:
    found: Cells = {}
    row_number = 0
    for row in _all(content, "row"):
        row_number = int(row.get("r") or row_number + 1)
        column = 0
        for cell in row:
            letters = (cell.get("r") or _letters(column + 1)).rstrip("0123456789")
            column = _column(letters)
            found[row_number, letters] = _texts(cell, strings)
    return found


def _texts(cell: Any, strings: list[str]) -> set[str]:
    kind, style = cell.get("t") or "n", cell.get("s") or "0"
    inline = [_string(child) for child in cell if _local(child) == "is"]
    value = "".join(child.text or "" for child in cell if _local(child) == "v")
    if inline:
        return {inline[0]}
    if kind == "s" and value:
        is_there = value.isascii() and value.isdecimal() and len(value) < 9 and int(value) < len(strings)
        return {strings[int(value)] if is_there else f"text {value}, which is missing"}
    if kind == "n" and _NUMBER.fullmatch(value.strip()):
        return set() if style != "0" else {value, f"{float(value):.15g}", f"{float(value):.15g}".upper()}
    boolean = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}.get(value.strip(), value)
    texts = {"b": {boolean}, "d": {value.replace("T", " ")}}
    return texts.get(kind, {_unescaped(value)}) if value else {""}


def _merged(content: bytes) -> set[tuple[int, str]]:
    """The places that merged cells cover."""
    found: set[tuple[int, str]] = set()
    for area in _all(content, "mergeCell"):
        corners = [re.fullmatch(r"([A-Z]+)(\d+)", corner) for corner in (area.get("ref") or "").split(":")]
        rows = [int(corner[2]) for corner in corners if corner]
        columns = [_column(corner[1]) for corner in corners if corner]
        if len(rows) == 2 and max(rows) - min(rows) < 1_000 and max(columns) - min(columns) < 100:
            found |= {
                (row, _letters(column))
                for row in range(min(rows), max(rows) + 1)
                for column in range(min(columns), max(columns) + 1)
            }
        elif rows:
            found |= {(row, _letters(min(columns))) for row in range(min(rows), min(max(rows), 1_000) + 1)}
    return found


def _letters(column: int) -> str:
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _string(element: Any) -> str:
    """The text of all runs but those of a phonetic reading."""
    readings = {id(text) for reading in element.iter() if _local(reading) == "rPh" for text in reading}
    runs = [text.text or "" for text in element.iter() if _local(text) == "t" and id(text) not in readings]
    return _unescaped("".join(runs))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: found[0] if 0xD800 <= int(found[1], 16) < 0xE000 else chr(int(found[1], 16)), text)


def _all(content: bytes, name: str) -> list[Any]:
    return [element for element in _parsed(content).iter() if _local(element) == name]


def _parsed(content: bytes) -> Any:
    """Python's parser knows fewer encodings, and takes none that the part does not have."""
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError):
        return etree.fromstring(content)


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
