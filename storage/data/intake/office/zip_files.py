"""Opens zip files carefully: it knows a hostile file's cost before it unpacks anything."""

from __future__ import annotations

import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from humanize import naturalsize

MAX_PARTS = 10_000
MAX_LIST_BYTES = 4 * 1024**2
"""Maximum size of the list of parts, which is read into memory as a whole."""
MAX_UNPACKED_BYTES = 1024**3
MAX_REASON_CHARS = 200
SENT_AGAIN = "Download it again, or save it again in the program that made it, and send that."
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, OSError, UnicodeDecodeError),
)
"""Exceptions that reading a part of a damaged zip may raise."""
_END = b"PK\x05\x06"
_END_BYTES = 22
_END64_LOCATOR, _END64 = b"PK\x06\x07", b"PK\x06\x06"
_LOCATOR_BYTES, _END64_BYTES = 20, 56
_MAX_COMMENT_BYTES = 65_535
_LOCKED = 1
_PACKED_AGAIN = "Pack it again as an ordinary zip (the usual method is called Deflate), and send that."
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Python unpacks the others (bzip2, LZMA) without a limit: a few kilobytes can become gigabytes in one call."""


def reason(error: Exception) -> str:
    """A library's message about damage, shortened because it can quote the damage at any length."""
    said = str(error) or "it ends too early"
    return said if len(said) <= MAX_REASON_CHARS else f"{said[:MAX_REASON_CHARS]}…"


class Unusable(ValueError):
    """The reason why a zip file is refused, as the end of a sentence that starts with its name, and a `remedy`."""

    def __init__(self, message: str, remedy: str):
        super().__init__(message)
        self.message, self.remedy = message, remedy


@contextmanager
def opened(path: Path, most_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[zipfile.ZipFile]:
    """The file, after a check of its list of parts, which may unpack to `most_bytes`.

    Raises `Unusable`, also for damage found while it is open.
    """
    if _list_bytes(path) > MAX_LIST_BYTES:
        raise Unusable(f"lists more than {MAX_PARTS:,} parts, the limit.", SENT_AGAIN)
    try:
        file = zipfile.ZipFile(path)
    except (ValueError, *DAMAGE) as error:
        raise Unusable(f"is damaged or cut short ({reason(error)}).", SENT_AGAIN) from error
    with file:
        try:
            _check(file, most_bytes)
            yield file
        except DAMAGE as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise Unusable(f"is damaged ({reason(error)}).", SENT_AGAIN) from error


def _check(file: zipfile.ZipFile, most_bytes: int) -> None:
    parts = file.infolist()
    n_bytes = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS:
        raise Unusable(f"has {len(parts):,} parts; the limit is {MAX_PARTS:,}.", SENT_AGAIN)
    if n_bytes > most_bytes:
        raise Unusable(
            f"unpacks to {naturalsize(n_bytes)}; the limit is {naturalsize(most_bytes)}.",
            "Leave out pictures and rows that are not needed, or save the table as CSV.",
        )
    if any(part.flag_bits & _LOCKED for part in parts):
        raise Unusable("is locked with a password.", "Save it without a password and send that.")
    if odd := next((part.compress_type for part in parts if part.compress_type not in _PACKINGS), None):
        kind = zipfile.compressor_names.get(odd, f"method {odd}")  # type: ignore[attr-defined]
        raise Unusable(f"is packed with {kind}, which the studio doesn't unpack.", _PACKED_AGAIN)
    for part in parts:
        file.open(part).close()  # compares its name in the list with the name before its content


def _list_bytes(path: Path) -> int:
    """The length of the list of parts, according to the record at the file's end."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_BYTES - _MAX_COMMENT_BYTES - _LOCATOR_BYTES - _END64_BYTES))
        tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < _END_BYTES:
        raise Unusable("is damaged or cut short: the list of its parts is missing.", SENT_AGAIN)
    large = tail[max(0, end - _LOCATOR_BYTES - _END64_BYTES) : end]
    if large[-_LOCATOR_BYTES:].startswith(_END64_LOCATOR) and large.startswith(_END64):
        return int.from_bytes(large[40:48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")
