"""PDF: one row per page, with the page's text; text in pictures is not read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from storage.data.intake.findings import Findings
from storage.data.intake.source import Source, SourceRow

TITLE = "PDF"
MAX_PAGES = 20_000
UNKNOWN = "\ufffd"
"""Stands for a character that the PDF does not identify."""
MAX_UNKNOWN_SHARE = 0.3
END_MARK = b"%%EOF"
END_BYTES = 64 * 1024
_HYPHEN_AT_LINE_END = "\x02"
"""PDFium writes this between the halves of a word; it may also stand for signs without a letter."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")
_MAY_COPY = 1 << 4
_AGAIN = "Save it again, for example by printing it to PDF, and send that."
_RECOGNISE = "Run text recognition (OCR) over it, and send the result."


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """One row per page; `number` is the page."""
    import pypdfium2 as pdfium

    if not _has_end(source):
        findings.problem("is cut short: the marker at the end of a PDF is missing.", remedy="Fetch the file again.")
        return
    try:
        document = pdfium.PdfDocument(source.path)
    except pdfium.PdfiumError as error:
        if error.err_code in (pdfium.raw.FPDF_ERR_PASSWORD, pdfium.raw.FPDF_ERR_SECURITY):
            findings.problem("is locked with a password.", remedy="Save or print it without one, and send that.")
        else:
            findings.problem(f"is damaged or not usable PDF: {error}", remedy=_AGAIN)
        return
    if not pdfium.raw.FPDF_GetDocPermissions(document) & _MAY_COPY:
        findings.remark("The PDF's author does not allow copying its text. Make sure that you may use it.")
    if len(document) > MAX_PAGES:
        findings.problem(f"has {len(document):,} pages; the limit is {MAX_PAGES:,}.", remedy="Split it.")
        return
    yield from _pages(document, findings)


def _pages(document: Any, findings: Findings) -> Iterator[SourceRow]:
    title = _title(document, findings)
    n_chars = n_unknown = n_read = 0
    for number in range(1, len(document) + 1):
        text = _text(document, number, findings)
        if text is None:
            continue
        if not text:
            findings.remark("Pages without text, blank or pictures only, were left out.", row=number)
            continue
        n_read += 1
        n_chars += len(text)
        n_unknown += text.count(UNKNOWN)
        if UNKNOWN in text:
            findings.remark(f"Characters that the PDF does not identify appear as {UNKNOWN}.", row=number)
        yield SourceRow(number, {"text": text, "page": number, **({"title": title} if title else {})})
    if not n_read and not findings.problems:
        pages = "its page is blank or a picture"
        if len(document) != 1:
            pages = f"its {len(document):,} pages are blank or pictures"
        findings.problem(f"has no text layer: {pages}, as from a scanner.", remedy=_RECOGNISE)
    elif n_unknown > n_chars * MAX_UNKNOWN_SHARE:
        findings.problem("does not identify most of its characters.", remedy=_RECOGNISE)


def _title(document: Any, findings: Findings) -> str:
    try:
        title = document.get_metadata_value("Title")
    except UnicodeDecodeError:
        findings.remark("The PDF's title is damaged and was left out.")
        return ""
    return " ".join(_CONTROLS.sub(UNKNOWN, title).split())


def _text(document: Any, number: int, findings: Findings) -> str | None:
    """The page's text; None, with a problem noted, for a page that can't be read."""
    import pypdfium2 as pdfium

    try:
        page = document[number - 1]
        textpage = page.get_textpage()
        text = _with_hyphens(textpage, textpage.get_text_bounded(errors="replace"))
        page.close()
    except pdfium.PdfiumError as error:
        findings.problem(f"the page is damaged: {error}", row=number, remedy=_AGAIN, reach="file")
        return None
    return _CONTROLS.sub(UNKNOWN, text.replace("\r\n", "\n")).strip()


def _with_hyphens(textpage: Any, text: str) -> str:
    """The text with the hyphens and line ends that PDFium removed."""
    from pypdfium2 import raw

    if _HYPHEN_AT_LINE_END not in text:
        return text
    places = [i for i in range(textpage.count_chars()) if raw.FPDFText_GetUnicode(textpage, i) == 2]
    are_hyphens = [raw.FPDFText_IsHyphen(textpage, i) == 1 for i in places]
    first, *rest = text.split(_HYPHEN_AT_LINE_END)
    if len(rest) != len(are_hyphens):  # some are beyond the page's edge
        are_hyphens = [all(are_hyphens)] * len(rest)
    return first + "".join(
        ("-\n" if is_one else UNKNOWN) + part for is_one, part in zip(are_hyphens, rest, strict=True)
    )


def _has_end(source: Source) -> bool:
    with source.path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - END_BYTES))
        return END_MARK in file.read()
