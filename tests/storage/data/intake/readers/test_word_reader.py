"""Word documents: sections by headings, text as a person reads it, everything left out is said."""

from __future__ import annotations

from typing import Any

import pytest
from docx.enum.style import WD_STYLE_TYPE

from tests.storage.data.intake.bad_documents import DOCUMENT, good_letter
from tests.storage.data.intake.made_documents import letter, repacked, replaced, word
from tests.storage.data.intake.readers.conftest import Extract

PARAGRAPH = "<w:t>Opening says hello.</w:t>"
RUN = f"<w:r>{PARAGRAPH}</w:r>"


def changed(new: str, old: str = RUN) -> bytes:
    """The letter with its first paragraph's run replaced."""
    return repacked(good_letter(), {DOCUMENT: replaced(old, new)})


def test_headings_start_rows_and_stand_in_them(extract: Extract) -> None:
    def write(document: Any) -> None:
        document.add_paragraph("Above it all, 你好 🙂.")
        document.add_heading("Report", 0)
        document.add_heading("First part", 1)
        document.add_paragraph("One.")
        document.add_paragraph("Two", style="List Bullet").add_run(" bold").bold = True
        document.add_heading("Last", 2)

    found = extract("report.docx", word(write))
    assert found.format == "word"
    assert found.rows == [
        {"text": "Above it all, 你好 🙂.", "title": None, "section": 1},
        {"text": "Report\n\nFirst part\n\nOne.\n\nTwo bold", "title": "Report › First part", "section": 2},
        {"text": "Last", "title": "Last", "section": 3},
    ]


def test_tables_keep_their_rows(extract: Extract) -> None:
    def write(document: Any) -> None:
        document.add_heading("Prices", 1)
        table = document.add_table(3, 2)
        for place, text in zip(
            ((0, 0), (0, 1), (1, 0), (1, 1)), ("what", "price", "tea\nor coffee", "2 €"), strict=True
        ):
            table.cell(*place).text = text
        inner = table.cell(1, 1).add_table(1, 2)
        inner.cell(0, 0).text, inner.cell(0, 1).text = "in", "side"
        letter(document)

    found = extract("prices.docx", word(write))
    assert found.rows[0]["text"] == "Prices\n\nwhat | price\ntea or coffee | 2 € in side"
    assert len(found.rows) == 3


def test_without_headings_each_paragraph_is_a_row(extract: Extract) -> None:
    def write(document: Any) -> None:
        document.add_heading("Only title", 0)
        for i in range(3):
            document.add_paragraph(f"Paragraph {i}.")
        document.add_paragraph(" ")

    found = extract("notes.docx", word(write))
    assert found.column("text") == ["Only title\n\nParagraph 0.", "Paragraph 1.", "Paragraph 2."]
    assert found.column("paragraph") == [1, 2, 3]
    assert "each paragraph is a row" in found.said


def test_headings_by_outline_level_and_by_inherited_style(extract: Extract) -> None:
    def write(document: Any) -> None:
        own = document.styles.add_style("Kapitel", WD_STYLE_TYPE.PARAGRAPH)
        own.base_style = document.styles["Heading 2"]
        document.add_paragraph("Eins", style=own)
        document.add_paragraph("Text eins.")
        document.add_paragraph("Zwei")
        document.add_paragraph("Text zwei.")

    outlined = replaced("<w:p><w:r><w:t>Zwei", '<w:p><w:pPr><w:outlineLvl w:val="0"/></w:pPr><w:r><w:t>Zwei')
    found = extract("kapitel.docx", repacked(word(write), {DOCUMENT: outlined}))
    assert found.column("title") == ["Eins", "Zwei"]


@pytest.mark.parametrize(
    ("runs", "text", "says"),
    [
        ("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r>", "a\tb\nc", ""),
        (
            "<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins>",
            "new",
            "tracked",
        ),
        ("<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:t>seen</w:t></w:r>", "seen", "as hidden"),
        ('<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>seen</w:t></w:r>', "seen", ""),
        ('<w:r><w:rPr><w:vanish w:val="off"/></w:rPr><w:t>seen</w:t></w:r>', "seen", ""),
        ("<w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:t>7</w:t></w:r>", "7", ""),
        ('<w:r><w:sym w:font="Wingdings" w:char="F04A"/><w:t>smile</w:t></w:r>', "smile", "special fonts"),
        (
            "<w:r><w:ruby><w:rt><w:r><w:t>ji</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>字</w:t></w:r></w:rubyBase>"
            "</w:ruby></w:r>",
            "字",
            "Phonetic readings",
        ),
        ("<w:hyperlink><w:r><w:t>linked</w:t></w:r></w:hyperlink>", "linked", ""),
        (
            '<w:r><mc:AlternateContent xmlns:mc="m"><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice>'
            "<mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent></w:r>"
            "<w:r><w:t>after</w:t></w:r>",
            "box\nafter",
            "",
        ),
    ],
)
def test_what_a_paragraph_can_hold(extract: Extract, runs: str, text: str, says: str) -> None:
    found = extract("letter.docx", changed(runs))
    assert found.rows[0]["text"] == f"Opening\n\n{text}\n\nOpening says more."
    assert says in found.said


def test_texts_beside_the_body_are_named(extract: Extract) -> None:
    def write(document: Any) -> None:
        letter(document)
        document.sections[0].header.paragraphs[0].text = "Confidential"
        document.add_comment(document.paragraphs[1].runs, text="Really?", author="A", initials="A")

    found = extract("letter.docx", word(write))
    assert "Not read: " in found.said
    assert "page headers" in found.said
    assert "comments" in found.said
    assert "Not read" not in extract("letter.docx", good_letter()).said


def test_a_document_under_another_name_is_read_and_said(extract: Extract) -> None:
    found = extract("letter.txt", good_letter())
    assert found.column("title") == ["Opening", "Closing"]
    assert "the content is Word document" in found.said


def test_nothing_outside_the_zip_is_read(extract: Extract) -> None:
    entity = '<!DOCTYPE w:document [<!ENTITY e SYSTEM "file:///etc/hostname">]><w:document '
    data = repacked(changed("<w:r><w:t>&e;</w:t></w:r>"), {DOCUMENT: replaced("<w:document ", entity)})
    found = extract("letter.docx", data)
    assert "declares entities" in found.refused
    assert found.rows == []


@pytest.mark.parametrize("part", [DOCUMENT, "_rels/.rels"])
def test_a_missing_part_is_damage(extract: Extract, part: str) -> None:
    assert "damaged" in extract("letter.docx", repacked(good_letter(), {part: None})).refused
