"""Markdown: each heading starts a row; its text keeps the Markdown markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from io import StringIO
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from storage.data.intake.findings import Findings
from storage.data.intake.sections import TITLE_JOINT
from storage.data.intake.source import Source, SourceRow, lines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

TITLE = "Markdown"
MAX_FRONT_LINES = 200
WINDOW_LINES = 5_000
"""Size parsed at a time: the parser's output takes thirty times the memory of the text."""
_NO_TEXT = "-= \t\r\n"
"""Lines made of only these characters are rules and gaps."""
_MARK = re.compile(r"^ {0,3}(?:#|=|--)")
"""Line starts that every heading needs: without one, most texts need no parser."""


_Section = tuple[int, int, list[str]]
"""The first line, counted from 0, the line after the last one, and the headings that open it."""


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """One row per section; `number` is its first line."""
    findings.remark("Read as Markdown: each heading starts a row.")
    with source.open() as stream:
        whole = [line.rstrip("\r\n") for _, line in lines(stream, findings)]
    n_front = _front_lines(whole)
    if n_front:
        findings.remark("The settings at the start of the file, between lines of “---”, were left out.")
    text = whole[n_front:]
    for count, (begin, end, titles) in enumerate(_sections(text), start=1):
        title = TITLE_JOINT.join(filter(None, titles)) or None
        own_text = "\n".join(text[begin:end]).strip("\n")
        yield SourceRow(n_front + begin + 1, {"text": own_text, "title": title, "section": count})


def has_sections(text: str) -> bool:
    """Whether headings divide the text into two or more sections."""
    whole = [line.rstrip("\r\n") for line in StringIO(text, newline="")]
    if not any(map(_MARK.match, whole)):
        return False
    return len(list(islice(_sections(whole[_front_lines(whole) :]), 2))) == 2


def _sections(whole: list[str]) -> Iterator[_Section]:
    """The sections; a heading without its own text joins the section that follows."""
    begin = after = next((place for place, line in enumerate(whole) if line.strip()), len(whole))
    titles: list[str] = []
    for start, end, title in _headings(whole):
        if any(line.strip(_NO_TEXT) for line in whole[after:start]):
            yield begin, start, titles
            begin, titles = start, []
        titles.append(title)
        after = end
    if begin < len(whole):
        yield begin, len(whole), titles


def _headings(whole: list[str]) -> Iterator[tuple[int, int, str]]:
    """Start, end and title of each section. A heading inside a list or quote, or over several lines, is text.

    Parses some lines at a time, continuing from the last heading found, where a new section starts.
    """
    start, size = 0, WINDOW_LINES
    while start < len(whole):
        tokens = _parser().parse("\n".join(whole[start : start + size]))
        found = [
            (start + token.map[0], start + token.map[1], inline.content)
            for token, inline in pairwise(tokens)
            if token.type == "heading_open" and token.level == 0 and token.map and "\n" not in inline.content
        ]
        if start + size >= len(whole):
            yield from found
            return
        if found and found[-1][0] > start:
            yield from found[:-1]
            start, size = found[-1][0], WINDOW_LINES
        else:
            size *= 2


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # needed late: the web process starts faster without it

    return MarkdownIt("commonmark").disable(["inline", "text_join"])


def _front_lines(whole: list[str]) -> int:
    """Number of settings lines, between two lines of “---”, that some programs put at the start of the file."""
    if whole and whole[0].rstrip() == "---":
        for place, line in enumerate(whole[1:MAX_FRONT_LINES], start=2):
            if line.rstrip() in ("---", "..."):
                return place
            if ":" not in line and line.strip() and line[:1] not in " -#":
                break
    return 0
