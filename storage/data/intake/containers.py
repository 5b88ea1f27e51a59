"""Tells the files that are no text apart: Parquet, PDF, and what is in a zip or in Office's older container.

Supported files get their format; others are refused with a remedy.
"""

from __future__ import annotations

import mmap
import re
import zipfile
from collections.abc import Collection
from pathlib import Path

from storage.data.intake import bundles
from storage.data.intake.findings import refusal
from storage.data.intake.office import zip_files
from storage.data.intake.office.zip_files import Unusable
from templates.errors import BadInput

HEAD_BYTES = 4096
SEVERAL = "several"
PARQUET_MAGIC = b"PAR1"
PDF_MAGIC = b"%PDF-"
PDF_MAGIC_WITHIN = 1024
"""A file named as a PDF may have its magic number within this many first bytes, as other programs allow."""
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
OLD_OFFICE_MAGIC = b"\xd0\xcf\x11\xe0"
CONTENT_TYPES = "[Content_Types].xml"
MAX_TYPES_BYTES = 1024**2
_UNPACK = "Unpack it and send the file inside."
_AS_SHEET = "Save it as an Excel workbook (.xlsx) or CSV and send that."
_AS_WORD = "Save it as a Word document (.docx) and send that."
_AS_NEW = "Save it as .docx, .xlsx or PDF and send that."
_WITHOUT_MACROS = "Save it without macros, as .xlsx or .docx, and send that."
_KINDS = {
    b"wordprocessingml.document.main+xml": "word",
    b"wordprocessingml.template.main+xml": "word",
    b"spreadsheetml.sheet.main+xml": "workbook",
    b"spreadsheetml.template.main+xml": "workbook",
}
"""Part of the main part's content type → the format that it means."""
_OTHER_KINDS = (
    (re.compile(rb"sheet\.binary\.\w+\.main"), "is an Excel workbook in the binary layout (.xlsb).", _AS_SHEET),
    (re.compile(rb"(?i)macroEnabled\w*\.main"), "is an Office document with macros, which the studio never opens.", ""),
    (re.compile(rb"presentationml\.\w+\.main"), "is a PowerPoint presentation.", "Save it as PDF and send that."),
)
_MIMETYPES = (
    (b"opendocument.spreadsheet", "is an OpenDocument spreadsheet.", _AS_SHEET),
    (b"opendocument.text", "is an OpenDocument text.", _AS_WORD),
    (b"opendocument", "is an OpenDocument file.", "Save it as PDF and send that."),
    (b"epub", "is an EPUB book.", "Save its text as HTML or .docx and send that."),
)
_OLD_STREAMS = (
    ("WordDocument", "is a Word document of the old kind (.doc).", _AS_WORD),
    ("Workbook", "is an Excel workbook of the old kind (.xls).", _AS_SHEET),
    ("Book", "is an Excel workbook of the old kind (.xls).", _AS_SHEET),
    ("PowerPoint Document", "is a PowerPoint presentation of the old kind (.ppt).", "Save it as PDF and send that."),
)
_ENTRY_BYTES = 128
"""Size of an entry in the older container's directory; the entry starts with the stream's name."""


def find(path: Path, filename: str, suffixes: Collection[str]) -> str | None:
    """The format's key; None for a file that is none of these. Raises `BadInput` for an unsupported one.

    A zip of files with `suffixes` counts as several files.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    if head.startswith(ZIP_MAGICS):
        return _zipped(path, filename, head, suffixes)
    if head.startswith(OLD_OFFICE_MAGIC):
        raise _old_office(path, filename)
    is_named_so = filename.lower().endswith(".pdf")
    begin = head[:PDF_MAGIC_WITHIN] if is_named_so else head.lstrip(b"\x00\t\n\r\x0c \xef\xbb\xbf")[: len(PDF_MAGIC)]
    return "pdf" if PDF_MAGIC in begin else None


def _zipped(path: Path, filename: str, head: bytes, suffixes: Collection[str]) -> str:
    what = _office_name(head)
    try:
        with zip_files.opened(path) as file:
            return _kind(file, filename, suffixes)
    except Unusable as error:
        raise refusal(filename, f"is {what}, but it {error.message}", remedy=error.remedy) from error


def _office_name(head: bytes) -> str:
    """A zip's kind, judged by the first names in it because its list of parts may be lost."""
    if b"xl/" in head:
        return "an Excel workbook"
    if b"word/" in head:
        return "a Word document"
    return "an Office document" if CONTENT_TYPES.encode() in head else "a zip archive"


def _kind(file: zipfile.ZipFile, filename: str, suffixes: Collection[str]) -> str:
    names = set(file.namelist())
    if CONTENT_TYPES not in names:
        return _no_office(file, names, filename, suffixes)
    with file.open(CONTENT_TYPES) as part:
        types = part.read(MAX_TYPES_BYTES)
    for pattern, message, remedy in _OTHER_KINDS:
        if pattern.search(types):
            raise refusal(filename, message, remedy=remedy or _WITHOUT_MACROS)
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise refusal(filename, _OTHER_KINDS[1][1], remedy=_WITHOUT_MACROS)
    found = next((key for kind, key in _KINDS.items() if kind in types), None)
    if found is None:
        raise refusal(filename, "is a zip archive, not an Excel workbook or Word document.", remedy=_UNPACK)
    return found


def _no_office(file: zipfile.ZipFile, names: set[str], filename: str, suffixes: Collection[str]) -> str:
    """Several files, unless it is something else."""
    if "mimetype" in names:
        with file.open("mimetype") as part:
            declared = part.read(200)
        for kind, message, remedy in _MIMETYPES:
            if kind in declared:
                raise refusal(filename, message, remedy=remedy)
    bundles.check(file, filename, suffixes)
    return SEVERAL


def _old_office(path: Path, filename: str) -> BadInput:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _entry(content, "EncryptedPackage") is not None:
            return refusal(
                filename,
                "is an Office document that is locked with a password.",
                remedy="Open it, remove the password, save it, and send that.",
            )
        places = [(_entry(content, name), message, remedy) for name, message, remedy in _OLD_STREAMS]
    # a document can contain others; its own streams come first
    found = [(place, message, remedy) for place, message, remedy in places if place is not None]
    _, message, remedy = min(found, default=(0, "is an old Office document.", _AS_NEW))
    return refusal(filename, message, remedy=remedy)


def _entry(content: mmap.mmap, name: str) -> int | None:
    """The offset of the directory entry with this name: in UTF-16, ending in a zero, at a multiple of its length."""
    wanted = name.encode("utf-16-le") + b"\x00\x00"
    place = content.find(wanted)
    while place >= 0:
        if place % _ENTRY_BYTES == 0:
            return place
        place = content.find(wanted, place + 1)
    return None
