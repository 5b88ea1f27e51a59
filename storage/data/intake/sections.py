"""Documents as rows: one per section or, if headings divide nothing, one per paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from storage.data.intake.findings import Findings
from storage.data.intake.source import SourceRow

CELL_JOINT = " | "
"""Separates the cells of a table row."""
PARAGRAPH_JOINT = "\n\n"
TITLE_JOINT = " › "
"""Separates a heading from the next one if there is no text between them."""


@dataclass(frozen=True)
class Block:
    """A paragraph, a table as lines of text, or a heading."""

    text: str
    is_heading: bool = False


Section = tuple[list[str], list[str]]
"""The headings (several if there is no text between them) and the text under them."""


def rows(blocks: Iterable[Block], findings: Findings, title: str | None = None) -> Iterator[SourceRow]:
    """Rows with `text` (the headings too), `title` and `section` or `paragraph`; `number` counts the rows.

    `title` is the document's title, for the text above the first heading.
    """
    sections = list(_sections(block for block in blocks if block.text.strip()))
    if len(sections) > 1:
        findings.remark("Each heading starts a row.")
        kind, texts = "section", [[*titles, *body] for titles, body in sections]
    elif sections:
        findings.remark("No headings divide the text, so each paragraph is a row.")
        titles, body = sections[0]
        kind, texts = "paragraph", [[*titles, *body[:1]], *([text] for text in body[1:])]
        sections *= len(texts)
    else:
        findings.problem("has no text.", remedy="Text in pictures is not read: send a document with text in it.")
        return
    for number, (text, (titles, _)) in enumerate(zip(texts, sections, strict=True), start=1):
        own_title = TITLE_JOINT.join(titles) or title
        yield SourceRow(number, {"text": PARAGRAPH_JOINT.join(text), "title": own_title, kind: number})


def _sections(blocks: Iterable[Block]) -> Iterator[Section]:
    titles: list[str] = []
    body: list[str] = []
    for block in blocks:
        if block.is_heading and body:
            yield titles, body
            titles, body = [], []
        (titles if block.is_heading else body).append(block.text)
    if titles or body:
        yield titles, body
