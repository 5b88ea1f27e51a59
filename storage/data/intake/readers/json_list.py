"""JSON: one list of objects, or an object with one such list in it."""

from __future__ import annotations

from collections.abc import Iterator

from storage.data.intake import strict_json
from storage.data.intake.findings import Findings, Reach
from storage.data.intake.json_text import JsonText
from storage.data.intake.source import Source, SourceRow

TITLE = "JSON"
_WANTED = "The file should be a list of objects: [{…}, {…}]."


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The objects of the list; `number` is the item, counted from 1."""
    with source.open() as stream:
        text = JsonText(stream)
        items = _items(text, findings, source.replaces) if text.next() == "[" else _inner_list(source, findings)
        for number, value in items:
            if isinstance(value, dict):
                yield SourceRow(number, value)
            else:
                findings.problem(f"is {strict_json.kind(value)}, not an object.", row=number, remedy=_WANTED)


def _items(text: JsonText, findings: Findings, takes_halves: bool) -> Iterator[tuple[int, object]]:
    """The list's items, one at a time, so that each flaw names its item."""
    text.skip()
    number = 0
    while text.next() != "]":
        number += 1
        try:
            yield number, text.value(takes_halves=takes_halves)
        except strict_json.Flaw as flaw:
            reach: Reach = "unreadable" if flaw.is_half else "file"
            findings.problem(flaw.message, row=number, field=flaw.field, remedy=flaw.remedy, reach=reach)
            if not flaw.is_half:
                return  # the start of the next item is unknown
        following = text.next()
        if following == ",":
            text.skip()
            if text.next() == "]":
                findings.remark("The list ends with a comma and nothing after it; the comma was ignored.")
        elif following != "]":
            what = f"a comma is missing in line {text.line}" if following else "the list breaks off"
            findings.problem(f"after this item {what}; the file may be cut short.", row=number, reach="file")
            return
    line = text.line
    text.skip()
    if text.next():
        findings.problem(f"has more text after the list's end in line {line}.", remedy=_WANTED)


def _inner_list(source: Source, findings: Findings) -> Iterator[tuple[int, object]]:
    with source.open() as stream:
        text = stream.read()
    try:
        document = strict_json.decode(text, takes_halves=source.replaces)
    except strict_json.Flaw as flaw:
        findings.problem(flaw.message, field=flaw.field, remedy=flaw.remedy)
        return
    named = {k: v for k, v in document.items() if isinstance(v, list)} if isinstance(document, dict) else {}
    if len(named) != 1:
        lists = f" It has {len(named)} lists: {', '.join(named)}." if named else ""
        findings.problem(f"is {strict_json.kind(document)}, not a list of rows.{lists}", remedy=_WANTED)
        return
    ((name, rows),) = named.items()
    findings.remark(f"The rows were taken from the list “{name}” of the JSON object.")
    unused = [key for key in document if key != name]
    if unused:
        findings.remark(f"Not used of the JSON object: {', '.join(unused[:6])}.")
    yield from enumerate(rows, start=1)
