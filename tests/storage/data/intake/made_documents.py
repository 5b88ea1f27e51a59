"""Documents made by the programs that people's own come from, and ways to spoil them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import docx
import xlsxwriter
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

Rows = Sequence[Sequence[Any]]
PEOPLE = [["text", "label"], *([f"message number {i}", "spam" if i % 2 else "ham"] for i in range(20))]
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
MAIN_TYPE = "application/vnd.openxmlformats-officedocument.{}.main+xml"


def workbook(
    sheets: Mapping[str, Rows] | None = None,
    change: Callable[[xlsxwriter.Workbook], None] = lambda book: None,
    **options: Any,
) -> bytes:
    """A workbook with these sheets; `change` may do more to it before it is written."""
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True, "strings_to_formulas": False, **options})
    for name, rows in (sheets if sheets is not None else {"Data": PEOPLE}).items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    change(book)
    book.close()
    return sink.getvalue()


def word(write: Callable[[Any], None]) -> bytes:
    """A Word document, written by `write(document)`."""
    document = docx.Document()
    write(document)
    sink = io.BytesIO()
    document.save(sink)
    return sink.getvalue()


def letter(document: Any) -> None:
    """Two sections of two paragraphs."""
    for title in ("Opening", "Closing"):
        document.add_heading(title, 1)
        document.add_paragraph(f"{title} says hello.")
        document.add_paragraph(f"{title} says more.")


def pdf(
    *pages: str,
    title: str = "",
    password: str = "",
    may_copy: bool = True,
    font: str = "Helvetica",
    packed: bool = True,
) -> bytes:
    """A PDF with these pages, each a text of several lines; an empty one has a drawing only."""
    locked = None
    if password or not may_copy:
        locked = StandardEncryption(password, ownerPassword="owner", canCopy=int(may_copy))
    sink = io.BytesIO()
    drawn = canvas.Canvas(sink, encrypt=locked, invariant=1, pageCompression=int(packed))
    for made in (UnicodeCIDFont("HeiseiMin-W3"), TTFont("Vera", "Vera.ttf")):
        pdfmetrics.registerFont(made)
    drawn.setTitle(title)
    for page in pages:
        drawn.setFont(font, 12)
        for number, line in enumerate(page.splitlines()):
            drawn.drawString(50, 800 - 16 * number, line)
        drawn.rect(50, 50, 200, 200, fill=1)
        drawn.showPage()
    drawn.save()
    return sink.getvalue()


def repacked(data: bytes, changes: Mapping[str, bytes | Callable[[bytes], bytes] | None]) -> bytes:
    """The zip with parts changed, added, or (None) left out."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as new:
        for name in [*old.namelist(), *(name for name in changes if name not in old.namelist())]:
            change = changes.get(name, lambda content: content)
            if change is not None:
                new.writestr(name, change(old.read(name)) if callable(change) else change)
    return sink.getvalue()


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    """A change of a part: every `old`, which must be there, becomes `new`."""

    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode())

    return change


def retyped(data: bytes, old: str, new: str, **more: bytes) -> bytes:
    """The zip with another content type of its main part, and `more` parts."""
    return repacked(data, {"[Content_Types].xml": replaced(old, new), **more})


def claiming(data: bytes, part: str, size_bytes: int) -> bytes:
    """The zip with a list of parts that claims another unpacked size for one of them."""
    found = data.rindex(part.encode())
    place = found - 46 + 24
    return data[:place] + struct.pack("<I", size_bytes) + data[place + 4 :]


def zipped(**parts: str | bytes) -> bytes:
    """A zip of these parts."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return sink.getvalue()


def old_office(*streams: str) -> bytes:
    """A container of Office's older kind with these streams, all empty: header, sector table, directory."""
    magic = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header = magic + struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0
    )
    header += struct.pack("<I", 0) + b"\xff" * 432
    table = struct.pack("<II", 0xFFFFFFFD, 0xFFFFFFFE) + b"\xff" * 504
    entries = b"".join(_entry(name, 5 if i == 0 else 2) for i, name in enumerate(("Root Entry", *streams)))
    return header + table + entries.ljust(512, b"\x00")


def _entry(name: str, kind: int) -> bytes:
    written = name.encode("utf-16-le") + b"\x00\x00"
    fields = struct.pack("<HBBIII", len(written), kind, 1, *[0xFFFFFFFF] * 3)
    return (written.ljust(64, b"\x00") + fields).ljust(128, b"\x00")
