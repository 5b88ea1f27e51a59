"""Tells web pages from other text, and finds a page's declared encoding."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from storage.data.intake import encodings
from storage.data.intake.encodings import Encoding
from storage.data.intake.findings import refusal

HEAD_BYTES = 64 * 1024
_BEFORE = r"(?is)\A(?>\ufeff|\s|<\?xml.*?\?>|<!--.*?-->)*+"
"""Text allowed before a page; each part matches once, because trying all ways to divide comments never ends."""
_PAGE = re.compile(_BEFORE + r"<(?:!doctype\s+html|html|head|body)\b")
_FRAGMENT = re.compile(r"(?i)<(?:!doctype|html|head|body|title|h[1-6]|p|div|table|section|article|ul|ol|br)\b[^<>]*>")
_DECLARED = re.compile(
    r"(?is)<meta\b[^<>]*?\bcharset\s*=\s*[\"']?\s*([\w:.-]+)|<\?xml\b[^<>]*?\bencoding\s*=\s*[\"']([\w:.-]+)"
)
_READ_AS = {
    **dict.fromkeys(("ascii", "iso8859-1"), "cp1252"),
    "iso8859-9": "cp1254",
    **dict.fromkeys(("iso8859-11", "tis-620"), "cp874"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    **dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be"), "utf-8"),
}
"""As in browsers: pages name an older, narrower encoding than the one they use."""
_KNOWN = re.compile(
    r"utf-8|cp(?:125\d|866|874|932|949)|iso8859-\d+|koi8-[ru]|mac-roman|gb18030|big5(?:hkscs)?|euc_jp|iso2022_jp"
)


def is_page(path: Path, named_so: bool) -> bool:
    """Whether the content is HTML; with `named_so`, the name says so and a part of a page is enough."""
    text = _head(path)
    return _PAGE.match(text) is not None or (named_so and _FRAGMENT.search(text) is not None)


def find_encoding(path: Path, filename: str) -> Encoding:
    """The declared encoding if it can read the whole page, otherwise the one that its bytes indicate.

    Raises `BadInput` for a page that is neither in its declared encoding nor UTF-8.
    """
    head = _head(path)
    with path.open("rb") as file:
        is_marked = encodings.marked(file.read(4)) is not None
    found = _DECLARED.search(head)
    if is_marked or found is None:
        return encodings.find(path, filename)
    declared = (found.group(1) or found.group(2)).lower()
    codec = _codec(declared)
    if codec is None:
        other = encodings.find(path, filename)
        unknown = f"The page names an unknown encoding, “{declared[:40]}”; it was read as {other.name}."
        return Encoding(other.name, unknown, other.is_flawed)
    flaw = encodings.first_flaw(path, codec)
    if codec != "utf-8" and encodings.first_flaw(path, "utf-8") is None and not path.read_bytes().isascii():
        # other encodings hardly ever spell valid UTF-8
        return Encoding("utf-8", f"The page says that it is {declared}, but it is UTF-8 and was read as such.")
    if flaw is None:
        return Encoding(codec)
    raise refusal(
        filename,
        f"says that it is {declared}, but byte {flaw:,} can't be read as such.",
        remedy="Save the page as UTF-8 and send it again.",
    )


def _head(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return head.decode(encodings.marked(head) or encodings.wide(head) or "latin-1", "replace")


def _codec(declared: str) -> str | None:
    try:
        name = codecs.lookup(declared).name
    except (LookupError, ValueError):
        return None
    name = _READ_AS.get(name, name)
    return name if _KNOWN.fullmatch(name) else None
