"""Markdown: each heading starts a row; its text stands as it is written, marks and all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from itertools import chain, islice

from storage.data.intake.findings import Findings
from storage.data.intake.sections import TITLE_JOINT
from storage.data.intake.source import Source, SourceRow, lines

TITLE = "Markdown"
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*")
_NO_TITLE = re.compile(r"[>|#]|[-+*] |\d{1,9}[.)] ")
"""How lines begin that an underline does not turn into a heading: quotes, tables and lists."""
_CODE = ("    ", "\t")
MAX_HEADING = 6
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
MAX_FRONT_LINES = 200

Numbered = tuple[int, str]


@dataclass
class _Section:
    """One section while it is read."""

    begin: int
    titles: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    has_body: bool = False


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """One row a section; `number` is its first line."""
    findings.remark("Read as Markdown: each heading starts a row.")
    with source.open() as stream:
        numbered = _without_front_matter(lines(stream, findings), findings)
        for count, section in enumerate(_sections(numbered), start=1):
            text = "\n".join(section.lines).strip("\n")
            title = TITLE_JOINT.join(filter(None, section.titles)) or None
            yield SourceRow(section.begin, {"text": text, "title": title, "section": count})


def has_sections(text: str) -> bool:
    """Whether headings part the text into two sections or more."""
    numbered = enumerate(StringIO(text, newline=""), start=1)
    body = _without_front_matter(numbered, Findings(""))
    return len(list(islice(_sections(body), 2))) == 2


def _sections(numbered: Iterator[Numbered]) -> Iterator[_Section]:
    """The sections; headings without text of their own go with the section that follows."""
    section: _Section | None = None
    for number, line, title in _titled(numbered):
        if section is None or (title is not None and section.has_body):
            if section is not None:
                yield section
            section = _Section(number)
        if title is not None:
            section.titles.append(title)
        elif line.strip() and not (section.lines and _UNDERLINE.fullmatch(line)):
            section.has_body = True
        section.lines.append(line)
        if not section.has_body and not section.titles:
            section = None  # blank lines at the begin
    if section is not None:
        yield section


def _titled(numbered: Iterator[Numbered]) -> Iterator[tuple[int, str, str | None]]:
    """Each line, with the heading's title if it is one; what stands between fences never is."""
    fence, after_gap = "", True
    for (number, line), following in _with_next(numbered):
        mark = _FENCE.fullmatch(line)
        title = None
        if fence:
            closes = mark and mark.group(1).startswith(fence) and not mark.group(2).strip()
            fence = "" if closes else fence
        elif mark and not (mark.group(1)[0] == "`" and "`" in mark.group(2)):
            fence = mark.group(1)
        else:
            title = _title(line, following if after_gap else "")
        yield number, line, title
        after_gap = title is not None or not line.strip() or bool(_UNDERLINE.fullmatch(line))


def _title(line: str, following: str) -> str | None:
    text = line.strip()
    if not text or line.startswith(_CODE):
        return None
    marks = len(text) - len(text.lstrip("#"))
    if marks:
        inside = text[marks:]
        return _without_closing_marks(inside) if marks <= MAX_HEADING and inside[:1] in ("", " ", "\t") else None
    is_underlined = _UNDERLINE.fullmatch(following) and not _UNDERLINE.fullmatch(line)
    return text if is_underlined and not _NO_TITLE.match(text) else None


def _without_closing_marks(inside: str) -> str:
    """“ Title ## ” as “Title”; marks that touch the last word are part of it."""
    text = inside.strip()
    open_end = text.rstrip("#")
    return open_end.strip() if not open_end or open_end[-1] in " \t" else text


def _with_next(numbered: Iterator[Numbered]) -> Iterator[tuple[Numbered, str]]:
    """Each line without its end, and the one after it."""
    held: Numbered | None = None
    for number, line in chain(numbered, [(0, "")]):
        bare = line.rstrip("\r\n")
        if held is not None:
            yield held, bare
        held = (number, bare)


def _without_front_matter(numbered: Iterable[Numbered], findings: Findings) -> Iterator[Numbered]:
    """Leaves out the settings between two lines of “---” with which some programs begin a file."""
    rest = iter(numbered)
    first = next(rest, None)
    if first is None:
        return
    begin = [first]
    if first[1].rstrip() == "---":
        for number, line in rest:
            begin.append((number, line))
            if line.rstrip() in ("---", "..."):
                findings.remark("The settings at the begin of the file, between lines of “---”, were left out.")
                begin = []
                break
            if len(begin) > MAX_FRONT_LINES or (":" not in line and line.strip() and line[:1] not in " -#"):
                break
    yield from chain(begin, rest)
