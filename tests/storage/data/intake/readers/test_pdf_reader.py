"""PDF: a row a page, with the words that the page shows."""

from __future__ import annotations

import pytest

from tests.storage.data.intake.made_documents import pdf
from tests.storage.data.intake.readers.conftest import Extract


def test_pages_become_rows(extract: Extract) -> None:
    found = extract("report.pdf", pdf("The first page,\nin two lines.", "", "The third.", title="Report"))
    assert found.format == "pdf"
    assert found.numbers == [1, 3]
    assert found.rows == [
        {"text": "The first page,\nin two lines.", "page": 1, "title": "Report"},
        {"text": "The third.", "page": 3, "title": "Report"},
    ]
    remark = next(remark for remark in found.findings.remarks if "without text" in remark.message)
    assert remark.rows == [2]


@pytest.mark.parametrize(
    ("font", "text"),
    [("Vera", "Grüße aus Köln — “fünf” €"), ("HeiseiMin-W3", "こんにちは世界"), ("Helvetica", "naïve café")],
)
def test_letters_beyond_ascii(extract: Extract, font: str, text: str) -> None:
    assert extract("letters.pdf", pdf(text, text, font=font)).column("text") == [text, text]


def test_a_word_cut_at_a_line_end_keeps_its_hyphen(extract: Extract) -> None:
    found = extract("cut.pdf", pdf("This is an exam-\nple of it.", "A well-known one."))
    assert found.column("text") == ["This is an exam-\nple of it.", "A well-known one."]


def test_a_wish_not_to_be_copied_is_said(extract: Extract) -> None:
    found = extract("mine.pdf", pdf("One.", "Two.", may_copy=False))
    assert found.column("text") == ["One.", "Two."]
    assert "does not allow copying" in found.said


@pytest.mark.parametrize(
    ("title", "read", "says"),
    [
        (b"<FEFFD800>", None, "title is damaged"),
        (b"(Re\\000port)", "Re\ufffdport", ""),
        (b"( Two\n  lines )", "Two lines", ""),
    ],
)
def test_a_damaged_title_does_not_stop_the_reading(extract: Extract, title: bytes, read: str | None, says: str) -> None:
    found = extract("report.pdf", pdf("One.", "Two.", title="Report").replace(b"(Report)", title))
    assert found.column("text") == ["One.", "Two."]
    assert found.column("title") == [read, read]
    assert says in found.said


def test_other_bytes_before_the_first_mark_do_no_harm_where_the_name_says_pdf(extract: Extract) -> None:
    assert extract("mail.pdf", b"X-Mail: yes\r\n\r\n" + pdf("One.", "Two.")).column("page") == [1, 2]


def test_blanks_before_the_first_mark_do_no_harm(extract: Extract) -> None:
    assert extract("download", b"\r\n" + pdf("One.", "Two.")).column("page") == [1, 2]


@pytest.mark.parametrize(("text", "refused"), [("éüöäßàèìòù", True), ("plain letters, and then éü", False)])
def test_signs_without_letters_are_counted(extract: Extract, text: str, refused: bool) -> None:
    unnamed = pdf(text, text, font="Vera").replace(b"/ToUnicode", b"/ToUnicodX")  # the table of what the signs mean
    found = extract("signs.pdf", unnamed)
    assert "appear as \ufffd" in found.said
    assert ("does not identify most" in found.refused) is refused
    assert refused or found.column("text") == ["plain letters, and then \ufffd\ufffd"] * 2
