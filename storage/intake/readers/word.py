"""Word documents: headings start rows, paragraphs and tables are their text, changes as if accepted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from storage.intake import sections
from storage.intake.findings import Findings
from storage.intake.office import zip_files
from storage.intake.office.ooxml import Parts, attribute, local
from storage.intake.office.zip_files import Unusable
from storage.intake.sections import CELL_JOINT, Block
from storage.intake.source import Source, SourceRow

TITLE = "Word document"
BODY_LEVEL = "9"
_HEADING = re.compile(r"(?i)(?:heading|title)(?: \d)?")
_TEXT = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_PASSED_OVER = {
    "del": "Text that tracked changes delete was left out.",
    "moveFrom": "Text that tracked changes delete was left out.",
    "sym": "Signs of special fonts, which have no letter, were left out.",
    "rt": "Readings that stand above characters were left out.",
    "altChunk": "Other documents inside the document were left out.",
}
"""Elements whose text is not read, and what is said of it."""
_NOT_TEXT = ("pPr", "rPr", "instrText", "delText", "delInstrText", "fldData", "Fallback")
"""Settings, the source of computed fields, and a second copy for older programs."""
_OTHER_PARTS = {
    "footnotes": "footnotes",
    "endnotes": "endnotes",
    "comments": "comments",
    "header": "page headers",
    "footer": "page footers",
}


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """One row a section; `number` counts them."""
    try:
        with zip_files.opened(source.path) as file:
            parts = Parts(file)
            main = parts.main()
            _remark_others(parts, main, findings)
            yield from sections.rows(_Document(parts, main, findings).blocks(), findings)
    except Unusable as error:
        findings.problem(error.message, remedy=error.remedy)


def _remark_others(parts: Parts, main: str, findings: Findings) -> None:
    """Say which texts outside the document's body are not read."""
    found = []
    for relation in parts.relations(main):
        name = parts.name(relation.target)
        title = _OTHER_PARTS.get(relation.kind)
        if title and name and title not in found and any((t.text or "").strip() for t in parts.elements(name, "t")):
            found.append(title)
    if found:
        findings.remark(f"Not read: {', '.join(found)}.")


class _Document:
    """The document's body."""

    def __init__(self, parts: Parts, main: str, findings: Findings):
        self._parts, self._main, self._findings = parts, main, findings
        styles = parts.related(main, "styles")
        self._headings = _heading_styles(parts, styles) if styles else set()

    def blocks(self) -> Iterator[Block]:
        """Paragraphs, headings and tables in their order; what stands inside another is part of its text."""
        depth = 0
        for event, element in self._parts.elements(self._main, "p", "tbl", "altChunk", starts=True):
            if event == "start":
                depth += 1
                continue
            depth -= 1
            if depth:
                continue
            if local(element.tag) == "tbl":
                yield Block(self._table(element))
            else:
                text = self._text(element)
                yield Block(" ".join(text.split()), is_heading=True) if self._is_heading(element) else Block(text)
            forget(element)

    def _is_heading(self, paragraph: Any) -> bool:
        settings = next((child for child in paragraph if local(child.tag) == "pPr"), ())
        found = {local(child.tag): attribute(child, "val") for child in settings}
        if "outlineLvl" in found:
            return found["outlineLvl"] != BODY_LEVEL
        return found.get("pStyle") in self._headings

    def _text(self, element: Any) -> str:
        """The text that a person sees in a paragraph, or in what a text box of it holds."""
        from lxml import etree

        made: list[str] = []
        walk = etree.iterwalk(element, events=("start", "end"))
        for event, inner in walk:
            name = local(inner.tag)
            if name == "p" and made and not made[-1].endswith("\n"):
                made.append("\n")
            elif event == "end":
                continue
            elif name in _PASSED_OVER:
                self._findings.remark(_PASSED_OVER[name])
                walk.skip_subtree()
            elif name == "r" and _is_hidden(inner):
                self._findings.remark("Text that is formatted as hidden was left out.")
                walk.skip_subtree()
            elif name in _NOT_TEXT:
                walk.skip_subtree()
            elif name == "t":
                made.append(inner.text or "")
            else:
                made.append(_TEXT.get(name, ""))
        return "".join(made).strip()

    def _table(self, table: Any) -> str:
        """A line a row; a table inside a cell is part of the cell's text."""
        lines = []
        for row in table.iter("{*}tr"):
            if next(row.iterancestors("{*}tbl")) is not table:
                continue
            cells = [cell for cell in row.iter("{*}tc") if next(cell.iterancestors("{*}tr")) is row]
            lines.append(CELL_JOINT.join(" ".join(self._text(cell).split()) for cell in cells))
        return "\n".join(line for line in lines if line.strip(CELL_JOINT))


def _is_hidden(run: Any) -> bool:
    settings = next((child for child in run if local(child.tag) == "rPr"), ())
    return any(
        local(child.tag) == "vanish" and attribute(child, "val") not in ("0", "false", "off") for child in settings
    )


def _heading_styles(parts: Parts, part: str) -> set[str]:
    """The ids of the styles of headings: by name, by level in the outline, or by the style that they build on."""
    headings: set[str] = set()
    based: dict[str, str] = {}
    for style in parts.elements(part, "style"):
        key = attribute(style, "styleId") or ""
        inside = {local(child.tag): child for child in style}
        name = attribute(inside["name"], "val") or "" if "name" in inside else ""
        levels = [attribute(level, "val") for level in style.iter("{*}outlineLvl")]
        if _HEADING.fullmatch(name) or (levels and levels[0] != BODY_LEVEL):
            headings.add(key)
        elif "basedOn" in inside and not levels:
            based[key] = attribute(inside["basedOn"], "val") or ""
    return headings | {key for key in based if _ends_in(key, based, headings)}


def _ends_in(key: str, based: dict[str, str], headings: set[str]) -> bool:
    """Whether the styles that this one builds on lead to a heading; circles of them lead nowhere."""
    seen: set[str] = set()
    while key in based and key not in seen:
        seen.add(key)
        key = based[key]
    return key in headings
