"""Excel, Word, PDF, HTML and Markdown files that must be refused, each with what the refusal has to say."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import xlsxwriter

from tests.storage.data.intake.bad_file import BadFile
from tests.storage.data.intake.made_documents import (
    LAUGHS,
    MAIN_TYPE,
    PEOPLE,
    claiming,
    letter,
    old_office,
    pdf,
    repacked,
    replaced,
    retyped,
    word,
    workbook,
    zipped,
)

SHEET = "xl/worksheets/sheet1.xml"
DOCUMENT = "word/document.xml"
SHEET_TYPE, WORD_TYPE = MAIN_TYPE.format("spreadsheetml.sheet"), MAIN_TYPE.format("wordprocessingml.document")
ODS = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<office/>"}
PAGE = "<!DOCTYPE html><html><head>{}</head><body><p>one</p><p>two é</p></body></html>"


@cache
def good_workbook() -> bytes:
    """Twenty rows of a text and its label."""
    return workbook()


@cache
def good_letter() -> bytes:
    """A Word document of two sections."""
    return word(letter)


@cache
def good_pdf() -> bytes:
    """Three pages."""
    return pdf("The first page.", "The second page,\nwith a second line.", "The third page.")


def _twelve_months() -> bytes:
    return workbook({"January": PEOPLE, "February": PEOPLE[:4], "Notes": [["remember", "this"]]})


def _merged_names(book: xlsxwriter.Workbook) -> None:
    book.worksheets()[0].merge_range(0, 0, 0, 1, "Customer mail 2024")


def _stray_value(book: xlsxwriter.Workbook) -> None:
    book.worksheets()[0].write(6, 4, "to check")


def _damaged_pdf() -> bytes:
    return good_pdf()[:20] + b"\x00" * (len(good_pdf()) - 60) + good_pdf()[-40:]


def _bomb() -> bytes:
    return claiming(good_letter(), DOCUMENT, 3 << 30)


def _flipped(data: bytes, part: str) -> bytes:
    """A byte of a part's packed content changed."""
    place = data.index(part.encode()) + len(part) + 60
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def _empty_letter(document: Any) -> None:
    document.add_paragraph("  ")


BAD_DOCUMENTS: list[BadFile] = [
    BadFile("xlsx-locked", "locked.xlsx", old_office("EncryptionInfo", "EncryptedPackage"), ("password", "save it")),
    BadFile("doc-old", "letter.doc", old_office("WordDocument", "1Table"), ("old kind (.doc)", ".docx")),
    BadFile("xls-old", "sheet.xls", old_office("Workbook"), ("old kind (.xls)", ".xlsx")),
    BadFile("ppt-old", "talk.ppt", old_office("PowerPoint Document"), ("PowerPoint", "PDF")),
    BadFile("msg-old", "mail.msg", old_office("__nameid_version1.0"), ("old Office document", "Save it as")),
    BadFile("rtf", "letter.doc", b"{\\rtf1\\ansi hello}", ("RTF document", ".docx")),
    BadFile("xlsx-truncated", "half.xlsx", lambda: good_workbook()[:-300], ("Excel workbook", "cut short", "again")),
    BadFile("docx-truncated", "half.docx", lambda: good_letter()[:9_000], ("cut short", "again")),
    BadFile("docx-flipped", "flip.docx", lambda: _flipped(good_letter(), DOCUMENT), ("damaged", DOCUMENT)),
    BadFile("docx-bomb", "bomb.docx", _bomb, ("unpacks to 3.2 GB", "the limit is 1.1 GB")),
    BadFile("xlsx-lies", "lies.xlsx", lambda: claiming(good_workbook(), SHEET, 400), ("damaged", SHEET)),
    BadFile("xlsx-locked-zip", "locked.xlsx", lambda: _with_lock(good_workbook()), ("password",)),
    BadFile("docx-misnamed", "misnamed.docx", lambda: _misnamed(good_letter()), ("damaged", "again")),
    BadFile("zip-many-parts", "many.docx", lambda: zipped(**{f"p{i}": "" for i in range(10_001)}), ("10,001 parts",)),
    BadFile("docx-other-zip", "photos.docx", lambda: zipped(**{"a.txt": "hello"}), ("zip archive", "Unpack it")),
    BadFile("docx-no-main", "odd.docx", lambda: zipped(**{"[Content_Types].xml": "<Types/>"}), ("zip archive",)),
    BadFile("ods", "table.ods", lambda: zipped(**ODS), ("OpenDocument spreadsheet", ".xlsx")),
    BadFile(
        "xlsm",
        "macros.xlsm",
        lambda: retyped(good_workbook(), SHEET_TYPE, "application/vnd.ms-excel.sheet.macroEnabled.main+xml"),
        ("macros", "without macros"),
    ),
    BadFile(
        "docm",
        "macros.docx",
        lambda: repacked(good_letter(), {"word/vbaProject.bin": b"\x00"}),
        ("macros", "without macros"),
    ),
    BadFile(
        "xlsb",
        "binary.xlsb",
        lambda: retyped(good_workbook(), SHEET_TYPE, "application/vnd.ms-excel.sheet.binary.macroEnabled.main"),
        (".xlsb", ".xlsx"),
    ),
    BadFile(
        "pptx",
        "talk.pptx",
        lambda: retyped(good_letter(), WORD_TYPE, MAIN_TYPE.format("presentationml.presentation")),
        ("PowerPoint", "PDF"),
    ),
    BadFile("xlsx-empty", "empty.xlsx", lambda: workbook({"A": [], "B": []}), ("no data in any sheet",)),
    BadFile("xlsx-header-only", "names.xlsx", lambda: workbook({"A": [["text", "label"]]}), ("no rows",)),
    BadFile(
        "xlsx-several-alike",
        "months.xlsx",
        _twelve_months,
        ("same columns", "“January” (20 rows)", "“February” (3 rows)", "into one sheet"),
    ),
    BadFile("xlsx-twice", "twice.xlsx", lambda: workbook({"A": [["text", "text"], ["a", "b"]]}), ("row 1", "“text”")),
    BadFile("xlsx-title-row", "title.xlsx", lambda: workbook(change=_merged_names), ("row 1", "merged cells (A1:B1)")),
    BadFile("xlsx-stray", "stray.xlsx", lambda: workbook(change=_stray_value), ("row 7", "column E", "beyond")),
    BadFile(
        "xlsx-no-header",
        "bare.xlsx",
        lambda: workbook({"A": [["I lost it", "card"], ["where is it", "card"], ["how so", "other"]]}),
        ("seems to be data", "“card”"),
    ),
    BadFile("xlsx-laughs", "laughs.xlsx", lambda: _with_entities(good_workbook(), SHEET), ("declares entities",)),
    BadFile("docx-laughs", "laughs.docx", lambda: _with_entities(good_letter(), DOCUMENT), ("declares entities",)),
    BadFile("docx-empty", "empty.docx", lambda: word(_empty_letter), ("no text",)),
    BadFile("pdf-locked", "locked.pdf", lambda: pdf("secret", "too", password="open"), ("password", "without one")),
    BadFile("pdf-scan", "scan.pdf", lambda: pdf("", ""), ("no text layer", "2 pages", "OCR")),
    BadFile("pdf-truncated", "half.pdf", lambda: good_pdf()[:-200], ("cut short", "again")),
    BadFile("pdf-text", "report.pdf", b"The first page.\n\nThe second page.\n", ("not a PDF", ".txt")),
    BadFile("html-as-pdf", "report.pdf", PAGE.format("").encode(), ("web page", "login")),
    BadFile("html-as-parquet", "rows.parquet", PAGE.format("").encode(), ("web page", "login")),
    BadFile("pdf-damaged", "broken.pdf", _damaged_pdf, ("damaged", "again")),
    BadFile("html-as-csv", "export.csv", PAGE.format("").encode(), ("web page", "login")),
    BadFile("html-as-xls", "export.xls", PAGE.format("").encode(), ("web page", ".xlsx")),
    BadFile(
        "html-charset",
        "page.html",
        PAGE.format('<meta charset="shift_jis">').encode("latin-1"),
        ("shift_jis", "byte", "UTF-8"),
    ),
    BadFile("html-deep", "deep.html", b"<html><body>" + b"<div>" * 5_000 + b"text", ("nested too deep", "again")),
    BadFile("html-empty", "empty.html", b"<html><body><script>var a = 1;</script></body></html>", ("no text",)),
    BadFile("html-nul", "nul.html", b"<html><p>a</p>\n<p>b\x00c</p>", ("row 2", "NUL")),
]


def _with_lock(data: bytes) -> bytes:
    """The zip with the flag of a password on its first listed part."""
    place = data.index(b"PK\x01\x02") + 8
    return data[:place] + b"\x01" + data[place + 1 :]


def _misnamed(data: bytes) -> bytes:
    """The zip with a part whose name, before its content, is not the UTF-8 that it says it is."""
    place = data.index(DOCUMENT.encode())
    flags = data.rindex(b"PK\x03\x04", 0, place) + 6
    return data[:flags] + struct.pack("<H", 1 << 11) + data[flags + 2 : place] + b"\xad" + data[place + 1 :]


def _with_entities(data: bytes, part: str) -> bytes:
    root = "<worksheet " if part == SHEET else "<w:document "
    return repacked(data, {part: replaced(root, f"{LAUGHS}{root}")})
