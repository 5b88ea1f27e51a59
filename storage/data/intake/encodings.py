"""Detects a file's character encoding, and tells text from everything else by content."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from storage import progress
from storage.data.intake.findings import refusal

HEAD_BYTES = 64 * 1024
SAMPLE_BYTES = 256 * 1024
CHUNK_BYTES = 1024 * 1024
_AS_TEXT = "Send CSV, TSV, Excel, JSON, JSON lines, Parquet, PDF, Word, HTML, Markdown or plain text."
_UNPACK = "Unpack it and send the file inside."
_SIGNATURES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x89PNG", "a PNG picture", _AS_TEXT),
    (0, b"\xff\xd8\xff", "a JPEG picture", _AS_TEXT),
    (0, b"GIF8", "a GIF picture", _AS_TEXT),
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (0, b"BZh", "a bzip2 archive", _UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"{\\rtf", "an RTF document", "Save it as a Word document (.docx) and send that."),
    (0, b"GGUF", "a GGUF model", "Models are added under base models, not as data."),
    (0, b"SQLite format 3", "an SQLite database", "Export the table as CSV and send that."),
    (0, b"ARROW1", "an Arrow file", "Save it as Parquet and send that."),
    (0, b"Obj\x01", "an Avro file", "Save it as Parquet and send that."),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte-order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CUT_SEQUENCE = re.compile(
    rb"\xf0[\x90-\xbf](?:[\x80-\xbf](?![\x80-\xff])|(?![\x80-\xff]))|\xe2[\x80-\x9f](?![\x80-\xff])"
)
"""Emojis and typographic signs that were cut; in other encodings, hardly anybody writes such pairs of letters."""
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\r\f\x1b")
_ASCII = bytes(range(128))
MAX_CONTROL_SHARE = 0.05
NOISE_THRESHOLD = 0.6
WESTERN = set("àáâãäåæçèéêëìíîïñòóôõöøœùúûüýÿßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØŒÙÚÛÜÝŸ“”„‚‘’«»–—…•€£¥§°©®™¡¿´·ªº½¼¾±×÷µ\xa0")
MAX_WESTERN_SHARE = 0.25
MAX_STRAY_SHARE = 0.02
"""Bytes that cp1252 doesn't have; in other Latin code pages, they are letters and more frequent."""
CANDIDATES = [
    *(f"cp{page}" for page in (1252, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 932, 949)),
    *("gb18030", "big5", "euc_jp", "koi8_r", "mac_roman"),
]


@dataclass(frozen=True)
class Encoding:
    """A codec's name, and the remark about it (None: nothing odd)."""

    name: str
    remark: str | None = None
    is_flawed: bool = False
    """Whether some bytes, such as half a character, are not of this encoding."""


def marked(head: bytes) -> str | None:
    """The codec indicated by a byte-order mark at the start of the file."""
    return next((codec for mark, codec, _ in _BOMS if head.startswith(mark)), None)


def find(path: Path, filename: str) -> Encoding:
    """The encoding that can read the whole file.

    Raises `BadInput` for content that is not text, or that mixes encodings.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    _refuse_signatures(head, filename)
    for mark, codec, title in _BOMS:
        if head.startswith(mark):
            return _checked(path, filename, Encoding(codec, f"Read as {title}."))
    codec_of_shape = wide(head)
    if codec_of_shape:
        remark = f"Read as {codec_of_shape.upper()}, although the file does not say so."
        return _checked(path, filename, Encoding(codec_of_shape, remark))
    if _is_binary(head):
        raise refusal(filename, "is not a text file, whatever its name says.", remedy=_AS_TEXT)
    flaw = first_flaw(path, "utf-8")
    return Encoding("utf-8") if flaw is None else _not_utf8(path, filename, flaw)


def _refuse_signatures(head: bytes, filename: str) -> None:
    for place, magic, what, remedy in _SIGNATURES:
        if head[place : place + len(magic)] == magic:
            raise refusal(filename, f"is {what}, not a table or text.", remedy=remedy)
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise refusal(filename, "is a Python pickle, which the studio never opens.", remedy=_AS_TEXT)
    if head[8:9] == b"{" and b"\x00" in head[:8]:
        raise refusal(filename, "is a safetensors file.", remedy="Models are added under base models, not as data.")


def wide(head: bytes) -> str | None:
    """UTF-16 without a mark: nearly every second byte of a mostly Latin text is zero."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) * 0.2 and even < odd / 10:
        return "utf-16-le"
    return "utf-16-be" if even > len(head) * 0.2 and odd < even / 10 else None


def _is_binary(head: bytes) -> bool:
    n_controls = len(head) - len(head.translate(None, _CONTROLS))
    return n_controls > max(8, len(head) * MAX_CONTROL_SHARE)


def first_flaw(path: Path, codec: str) -> int | None:
    """Offset of the first byte that `codec` can't read; None when it reads the whole file."""
    decoder = codecs.getincrementaldecoder(codec)("strict")
    n_before = 0
    with progress.opened(path) as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return n_before + error.start - (len(error.object) - len(chunk))
            if not chunk:
                return None
            n_before += len(chunk)


def _checked(path: Path, filename: str, encoding: Encoding) -> Encoding:
    flaw = first_flaw(path, encoding.name)
    if flaw is None:
        return encoding
    if encoding.name == "utf-8-sig":
        return replace(encoding, is_flawed=True)
    raise refusal(
        filename,
        f"starts as {encoding.name.upper()}, but byte {flaw:,} can't be read as such.",
        remedy="Save the file as UTF-8 and send it again.",
    )


def _not_utf8(path: Path, filename: str, flaw: int) -> Encoding:
    line, n_before, n_valid, n_high = 1, 0, 0, 0
    place = 0
    with progress.opened(path) as file:
        while block := file.read(CHUNK_BYTES) + file.readline(CHUNK_BYTES):
            before = block[: max(0, flaw - place)]
            line += before.count(b"\n")
            n_before += sum(1 for _ in _UTF8_SEQUENCE.finditer(before))
            n_valid += sum(len(found.group()) for found in _UTF8_SEQUENCE.finditer(block))
            n_valid += sum(len(found.group()) for found in _CUT_SEQUENCE.finditer(block))
            n_high += len(block.translate(None, _ASCII))
            place += len(block)
    # other encodings hardly ever spell valid UTF-8, let alone several times before their first flaw
    if n_valid >= n_high / 2 or n_before >= 3:
        return Encoding("utf-8", is_flawed=True)
    sample = _telling(path)
    for codec in _likely(sample):
        is_flawed = first_flaw(path, codec) is not None
        if not is_flawed or (codec == "cp1252" and _is_western(sample)):
            remark = f"Not UTF-8; read as {codec}, which is a guess. Check the letters beyond a–z."
            return Encoding(codec, remark, is_flawed)
    raise refusal(
        filename,
        "has an unknown encoding.",
        row=line,
        remedy="Save the file as UTF-8 and send it again.",
    )


def _telling(path: Path) -> bytes:
    """The non-ASCII lines at the start of the file, or all lines if there are none."""
    with path.open("rb") as file:
        head = file.read(16 * SAMPLE_BYTES)
    telling = bytearray()
    for line in BytesIO(head):
        telling += b"" if line.isascii() else line
        if len(telling) >= SAMPLE_BYTES:
            break
    return bytes(telling or head)[:SAMPLE_BYTES]


def _likely(sample: bytes) -> list[str]:
    """Codecs to try, likeliest first."""
    from charset_normalizer import from_bytes  # needed late: the web process starts faster and smaller without it

    if _is_western(sample):
        return ["cp1252"]
    # detectors take dense tables for noise, hence the threshold; the order is still theirs
    return [match.encoding for match in from_bytes(sample, cp_isolation=CANDIDATES, threshold=NOISE_THRESHOLD)]


def _is_western(sample: bytes) -> bool:
    """Whether these are the letters of western Europe, maybe with a stray byte among many of them.

    Few bytes say which of the Latin code pages it is; these letters nearly always mean cp1252.
    """
    text = sample.decode("cp1252", "replace")
    high = [c for c in text if c > "\x7f"]
    n_stray = high.count("\ufffd")
    is_western = set(high) <= WESTERN | {"\ufffd"} and len(high) < len(text) * MAX_WESTERN_SHARE
    return is_western and n_stray <= len(high) * MAX_STRAY_SHARE
