"""Reads a file again by other means than the intake's, and says where the rows are not what the file holds."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pyarrow.parquet as pq

from storage.data.intake.source import Source, SourceRow
from tests.storage.data.intake.mutants import second_office
from tests.storage.data.intake.mutants.mutants import Mutant

_LINE_END = re.compile(r"\r\n|\r|\n")
_LAST_COMMA = re.compile(r",\s*\]\Z")
_LEFT_OUT = re.compile(r"(?is)<(script|style|noscript|template|map|rt|rp)\b.*?</\1\s*>")
_TAG = re.compile(r"<[^>]*>?")
_PDF_ESCAPE = re.compile(r"\\([0-7]{1,3})|\\(.)", re.DOTALL)
_UNWRITTEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd]")
"""Characters that stand for what a file does not hold as such."""
_NOT_ASCII = re.compile(r"[^!-~]")
"""Which byte means which of the other letters depends on the font."""
Rows = list[SourceRow]


def difference(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    """Where these rows, all that an accepted file has, are not what a second reading finds; None: nowhere."""
    return _READINGS[source.format](mutant, source, rows)


def _text(source: Source) -> str:
    return source.path.read_bytes().decode(source.encoding or "", "strict")


def _first_difference(found: Iterable[Any], expected: Iterable[Any]) -> str | None:
    """By what is written of them, so that 1, 1.0 and True are not the same, and NaN is."""
    ours, theirs = list(map(repr, found)), list(map(repr, expected))
    for place, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if one != other:
            return f"row {place} is {one[:300]}, but the file holds {other[:300]}"
    return None if len(ours) == len(theirs) else f"{len(ours)} rows, but the file holds {len(theirs)}"


def _delimited(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    records = csv.reader(io.StringIO(_text(source), newline=""), delimiter=source.delimiter or "\x1f", strict=True)
    names, *cells = [record for record in records if record]
    wrong_names = [
        (ours, theirs.strip())
        for row in rows[:1]
        for ours, theirs in zip(row.values, names, strict=True)
        if theirs.strip() and ours != theirs.strip()
    ]
    if wrong_names:
        return f"columns are called otherwise: {wrong_names}"
    return _first_difference([list(row.values.values()) for row in rows], cells)


def _json_lines(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    lines = [line for line in _LINE_END.split(_text(source)) if line.strip()]
    return _first_difference((row.values for row in rows), (json.loads(line.strip()) for line in lines))


def _json_list(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    document = json.loads(_LAST_COMMA.sub("]", _text(source).strip()))
    if isinstance(document, dict):
        (document,) = [value for value in document.values() if isinstance(value, list)]
    return _first_difference((row.values for row in rows), document)


def _parquet(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    return _first_difference((row.values for row in rows), pq.read_table(source.path).to_pylist())


def _filled_lines(text: str) -> list[str]:
    return [line for line in _LINE_END.split(text) if line.strip()]


def _plain_text(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    ours = [line for row in rows for line in row.values["text"].split("\n") if line.strip()]
    return _first_difference(ours, _filled_lines(_text(source)))


def _markdown(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    """What stands before the first row can only be settings; a title's words stand in its section."""
    ours = [line for row in rows for line in row.values["text"].split("\n") if line.strip()]
    theirs = _filled_lines(_text(source))
    left_out = theirs[: len(theirs) - len(ours)]
    if left_out and (left_out[0].rstrip() != "---" or left_out[-1].rstrip() not in ("---", "...")):
        return f"the lines {left_out} were left out"
    for row in rows:
        missing = [part for part in (row.values["title"] or "").split(" › ") if part not in row.values["text"]]
        if missing:
            return f"row {row.number} has the title {missing}, which does not stand in it"
    return _first_difference(ours, theirs[len(left_out) :])


class _Words(HTMLParser):
    """All that Python's own parser takes for text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def _html(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    text = _text(source)
    words = _Words()
    words.feed(text)
    words.close()
    shown = _TAG.sub("", _LEFT_OUT.sub("", text))
    places = [
        _dense(place)
        for place in (
            html.unescape(shown),
            html.unescape(_TAG.sub("", text)),
            html.unescape(text),
            "".join(words.found),
        )
    ]
    return _invented(rows, places)


def _pdf(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    """Only of pages whose text stands in the file as it is: not packed, and in letters that PDF itself knows."""
    if not mutant.seed.startswith("bare") or "spliced" in mutant.edits:
        return None
    written = [
        _PDF_ESCAPE.sub(_pdf_character, data.decode("cp1252", "replace")) for data in (mutant.data, mutant.original)
    ]
    return _invented(rows, [_dense(text) for text in written], _NOT_ASCII)


def _pdf_character(match: re.Match[str]) -> str:
    return chr(int(match.group(1), 8) & 0xFF) if match.group(1) else match.group(2)


def _word(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    return _invented(rows, [_dense(second_office.words(source.path))])


def _workbook(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    return second_office.difference(source.path, rows)


def _dense(text: str) -> str:
    return "".join(text.split())


def _invented(rows: Rows, places: list[str], not_compared: re.Pattern[str] = _UNWRITTEN) -> str | None:
    """A word of a row's text or title that stands in none of the texts, which are without blanks."""
    for row in rows:
        for name in ("text", "title"):
            for word in str(row.values.get(name) or "").replace(" › ", " ").replace(" | ", " ").split():
                pieces = not_compared.split(word.strip("|"))
                if not any(all(piece in place for piece in pieces) for place in places):
                    return f"row {row.number}, “{name}” has {word[:200]!r}, which the file does not hold"
    return None


def _several(mutant: Mutant, source: Source, rows: Rows) -> str | None:
    """Each file by itself, its rows under their own numbers."""
    assert source.bundle
    parts: dict[str, Rows] = {part.filename: [] for part in source.bundle.parts}
    for row in rows:
        name, number = source.bundle.place(row.number)
        parts[name].append(replace(row, number=number))
    read = ((part, parts[part.filename]) for part in source.bundle.parts if part.layout is None)
    return next((wrong for part, own in read if (wrong := difference(mutant, part, own))), None)


_READINGS: dict[str, Callable[[Mutant, Source, Rows], str | None]] = {
    "delimited": _delimited,
    "json_lines": _json_lines,
    "json_list": _json_list,
    "parquet": _parquet,
    "plain_text": _plain_text,
    "markdown": _markdown,
    "html": _html,
    "pdf": _pdf,
    "word": _word,
    "workbook": _workbook,
    "several": _several,
}
