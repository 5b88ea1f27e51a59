"""Documents as rows: one for each section, or, where headings part nothing, one for each paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from storage.data.intake.findings import Findings
from storage.data.intake.source import SourceRow

CELL_JOINT = " | "
"""Between the cells of a table's row."""
PARAGRAPH_JOINT = "\n\n"
TITLE_JOINT = " › "
"""Between a heading and the next one, where nothing stands between them."""


@dataclass(frozen=True)
class Block:
    """A paragraph, a table as lines of text, or a heading."""

    text: str
    is_heading: bool = False


@dataclass
class _Section:
    """What stands under a heading, or under several with nothing between them."""

    titles: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)

    @property
    def title(self) -> str | None:
        return TITLE_JOINT.join(self.titles) or None

    @property
    def whole(self) -> str:
        return PARAGRAPH_JOINT.join([*self.titles, *self.body])

    @property
    def paragraphs(self) -> list[str]:
        """One by one, the headings with the first."""
        return [PARAGRAPH_JOINT.join([*self.titles, *self.body[:1]]), *self.body[1:]]


def rows(blocks: Iterable[Block], findings: Findings, title: str | None = None) -> Iterator[SourceRow]:
    """Rows with `text` (the headings too), `title` and `section` or `paragraph`; `number` counts the rows.

    `title` is the document's, for what stands above the first heading.
    """
    sections = list(_sections(block for block in blocks if block.text.strip()))
    if len(sections) > 1:
        findings.remark("Each heading starts a row.")
        kind, texts = "section", [(section.whole, section.title) for section in sections]
    elif sections:
        findings.remark("There are no headings that part it, so each paragraph is a row.")
        kind, texts = "paragraph", [(text, sections[0].title) for text in sections[0].paragraphs]
    else:
        findings.problem("has no text.", remedy="Text in pictures is not read: send a document with text in it.")
        return
    for number, (text, own_title) in enumerate(texts, start=1):
        yield SourceRow(number, {"text": text, "title": own_title or title, kind: number})


def _sections(blocks: Iterable[Block]) -> Iterator[_Section]:
    section = _Section()
    for block in blocks:
        if not block.is_heading:
            section.body.append(block.text)
            continue
        if section.body:
            yield section
            section = _Section()
        section.titles.append(block.text)
    if section.titles or section.body:
        yield section
