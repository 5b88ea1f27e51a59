"""Word documents: headings start rows, paragraphs and tables are their text, tracked changes count as accepted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from storage.data.intake import sections
from storage.data.intake.findings import Findings
from storage.data.intake.office import zip_files
from storage.data.intake.office.ooxml import Parts, attribute, local
from storage.data.intake.office.zip_files import Unusable
from storage.data.intake.sections import CELL_JOINT, Block
from storage.data.intake.source import Source, SourceRow

TITLE = "Word document"
BODY_LEVEL = "9"
_HEADING = re.compile(r"(?i)(?:heading|title)(?: \d)?")
_TEXT = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_HIDDEN = "hidden run"
_DELETED = "Text deleted by tracked changes was left out."
_LEFT_OUT = {
    **dict.fromkeys(("pPr", "rPr", "instrText", "delText", "delInstrText", "fldData", "Fallback")),
    "del": _DELETED,
    "moveFrom": _DELETED,
    "sym": "Symbols of special fonts, which have no letter, were left out.",
    "rt": "Phonetic readings above characters were left out.",
    "altChunk": "Other documents inside the document were left out.",
    _HIDDEN: "Text formatted as hidden was left out.",
}
"""Ignored elements and the remarks about them; settings, field sources and copies for older programs get none."""
_OTHER_PARTS = {
    "footnotes": "footnotes",
    "endnotes": "endnotes",
    "comments": "comments",
    "header": "page headers",
    "footer": "page footers",
}


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """One row per section; `number` counts them."""
    try:
        with zip_files.opened(source.path) as file:
            parts = Parts(file)
            main = parts.main()
            _remark_others(parts, main, findings)
            yield from sections.rows(_blocks(parts, main, findings), findings)
    except Unusable as error:
        findings.problem(error.message, remedy=error.remedy)


def _remark_others(parts: Parts, main: str, findings: Findings) -> None:
    """Note the texts outside the document's body that are not read."""
    found: dict[str, None] = {}
    for _, kind, target in parts.relations(main):
        texts = parts.elements(target, "t") if kind in _OTHER_PARTS and parts.written(target) else ()
        if any((text.text or "").strip() for text in texts):
            found[_OTHER_PARTS[kind]] = None
    if found:
        findings.remark(f"Not read: {', '.join(found)}.")


def _blocks(parts: Parts, main: str, findings: Findings) -> Iterator[Block]:
    """Paragraphs, headings and tables in order; nested ones are part of the outer one's text."""
    from lxml import etree

    styles = parts.related(main, "styles")
    headings = _heading_styles(parts, styles) if styles else set()
    for document in parts.elements(main, "document"):
        walk = etree.iterwalk(document, events=("start",), tag=("{*}p", "{*}tbl", "{*}altChunk"))
        for _, element in walk:
            walk.skip_subtree()
            if local(element.tag) == "tbl":
                yield Block(_table(element, findings))
                continue
            text, level = _text(element, findings), _value(element, "{*}pPr/{*}outlineLvl")
            is_heading = level != BODY_LEVEL if level else _value(element, "{*}pPr/{*}pStyle") in headings
            yield Block(" ".join(text.split()), is_heading=True) if is_heading else Block(text)


def _text(element: Any, findings: Findings) -> str:
    """The visible text of a paragraph, or of the contents of its text box."""
    from lxml import etree

    made: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, inner in walk:
        name = local(inner.tag)
        if name == "p" and made and not made[-1].endswith("\n"):
            made.append("\n")
        if event == "end":
            continue
        if name == "r" and _value(inner, "{*}rPr/{*}vanish", "on") not in (None, "0", "false", "off"):
            name = _HIDDEN
        if name in _LEFT_OUT:
            if remark := _LEFT_OUT[name]:
                findings.remark(remark)
            walk.skip_subtree()
        else:
            made.append(inner.text or "" if name == "t" else _TEXT.get(name, ""))
    return "".join(made).strip()


def _table(table: Any, findings: Findings) -> str:
    """One line per row; a table inside a cell is part of the cell's text."""
    lines = []
    for row in table.iter("{*}tr"):
        if next(row.iterancestors("{*}tbl")) is table:
            cells = [cell for cell in row.iter("{*}tc") if next(cell.iterancestors("{*}tr")) is row]
            lines.append(CELL_JOINT.join(" ".join(_text(cell, findings).split()) for cell in cells))
    return "\n".join(line for line in lines if line.strip(CELL_JOINT))


def _value(element: Any, path: str, default: str = "") -> str | None:
    """The value of the setting at `path`, `default` if it has none; None if there is no such setting."""
    found = element.find(path)
    return None if found is None else attribute(found, "val") or default


def _heading_styles(parts: Parts, part: str) -> set[str]:
    """The ids of heading styles: by name, by outline level, or by the style that they are based on."""
    headings: set[str] = set()
    based: dict[str, str | None] = {}
    for style in parts.elements(part, "style"):
        key, level = attribute(style, "styleId") or "", _value(style, ".//{*}outlineLvl")
        if _HEADING.fullmatch(_value(style, "{*}name") or "") or level not in (None, BODY_LEVEL):
            headings.add(key)
        elif level is None:
            based[key] = _value(style, "{*}basedOn")
    while more := {key for key, base in based.items() if base in headings} - headings:
        headings |= more
    return headings
