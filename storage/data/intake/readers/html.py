"""Web pages: headings start rows; scripts, styles, navigation and hidden content are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from storage.data.intake import sections
from storage.data.intake.findings import Findings
from storage.data.intake.sections import CELL_JOINT, Block
from storage.data.intake.source import Source, SourceRow, text_flaw

TITLE = "HTML"
# fmt: off
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
BLOCKS = HEADINGS | {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dir", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend", "li", "main",
    "ol", "p", "pre", "search", "section", "summary", "table", "ul",
}
DROPPED = frozenset((
    "head", "title", "script", "style", "noscript", "template", "nav", "menu", "iframe", "object", "embed", "svg",
    "canvas", "audio", "video", "map", "button", "select", "textarea", "datalist", "dialog", "noframes", "rt", "rp",
))
INSIDE_WORDS = frozenset(("script", "style", "noscript", "template", "map", "rt", "rp"))
# fmt: on
"""Elements by their effect on the text: end a paragraph, are left out, or are left out without a gap."""
CELLS = ("td", "th")
BORDERS = BLOCKS | {"tr", *CELLS}
LEFT_OUT = "Scripts, styles, navigation and hidden content were left out."
AGAIN = "Save the page again in a browser, or save its text as .txt, and send that."
_TOO_DEEP = "Excessive depth"
"""The parser's message when it stops."""
_HIDING = re.compile(r"(?i)(?:display\s*:\s*none|visibility\s*:\s*hidden)\b")
_BLANKS = re.compile(r"[ \t\r\n\f]+")


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """One row per section; `number` counts them."""
    with source.open() as stream:
        text = stream.read()
    if "\x00" in text:  # some parsers treat this as the end of the page
        message, remedy = text_flaw("\x00") or ("", "")
        findings.problem(message, row=text.count("\n", 0, text.index("\x00")) + 1, remedy=remedy, reach="file")
        return
    root = _parsed(text, findings)
    if findings.problems:
        return
    title = "" if root is None else " ".join(root.xpath("string(//title)").split())
    blocks = () if root is None else _Walk(root, findings).blocks()
    yield from sections.rows(blocks, findings, title or None)


def _parsed(text: str, findings: Findings) -> Any:
    """The page's root; None if the page has only comments or, with a problem noted, can't be read to its end."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        findings.problem(f"can't be read as a web page: {error}.", remedy=AGAIN)
        return None
    for flaw in parser.error_log:
        if flaw.level_name == "FATAL":
            why = "is nested too deep" if _TOO_DEEP in flaw.message else f"breaks off ({flaw.message})"
            findings.problem(f"the page {why} to be read to its end.", row=flaw.line, remedy=AGAIN, reach="file")
            return None
    return root


class _Walk:
    """Walks a page and collects the text between its block boundaries."""

    def __init__(self, root: Any, findings: Findings):
        self._root, self._findings = root, findings
        self._pieces: list[str] = []
        self._n_headings = self._n_pre = 0
        self._tables: list[bool] = []
        """For each table around this place, whether it holds data, so that its rows stay together."""

    def blocks(self) -> Iterator[Block]:
        """Paragraphs, headings and tables in the page's order."""
        from lxml import etree

        walk = etree.iterwalk(self._root, events=("start", "end"))
        unread = None
        for event, element in walk:
            name = str(element.tag).lower()
            if event == "end":
                if element is not unread:
                    yield from self._edge(element, name, -1)
                self._add(element.tail)
            elif name in DROPPED or _is_hidden(element):
                if name not in ("head", "title"):
                    self._findings.remark(LEFT_OUT)
                unread = element
                walk.skip_subtree()
                self._add("" if name in INSIDE_WORDS else " ")
            else:
                yield from self._edge(element, name, 1)
                self._add(element.text)
        yield from self._block()

    def _edge(self, element: Any, name: str, step: int) -> Iterator[Block]:
        """The start (1) or end (-1) of an element: a block boundary, or a gap inside a block."""
        in_data = bool(self._tables) and self._tables[-1]
        if (name in BORDERS and not in_data) or (name == "table" and step < 0):
            yield from self._block()
        elif name in BLOCKS:
            self._pieces.append(" ")
        elif step > 0 and name in ("br", "tr"):
            self._pieces.append("\n")
        elif step > 0 and name in CELLS and element.getprevious() is not None:
            self._pieces.append(CELL_JOINT)
        self._n_headings += step * (name in HEADINGS)
        self._n_pre += step * (name == "pre")
        if name == "table" and step > 0:
            self._tables.append(_holds_data(element))
        elif name == "table":
            self._tables.pop()

    def _add(self, text: str | None) -> None:
        if text:
            self._pieces.append(text if self._n_pre else _BLANKS.sub(" ", text))

    def _block(self) -> Iterator[Block]:
        text = "".join(self._pieces)
        self._pieces.clear()
        if not self._n_pre:
            text = "\n".join(" ".join(filter(None, line.split(" "))) for line in text.split("\n"))
        if text.strip():
            is_heading = self._n_headings > 0
            yield Block(" ".join(text.split()) if is_heading else text.strip("\r\n"), is_heading)


def _is_hidden(element: Any) -> bool:
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or element.get("role") in ("navigation", "menu", "menubar")
        or _HIDING.search(element.get("style") or "") is not None
    )


def _holds_data(table: Any) -> bool:
    """Whether the table holds data and does not just lay out the page."""
    if table.get("role") in ("presentation", "none"):
        return False
    return next(table.iterdescendants("table", *HEADINGS), None) is None
