"""Compares an answer with the one that is expected, as a reader would."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_NUMBER = re.compile(
    r"(?:(?<!\w)-)?"
    r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\d)|(?<![\w.])\.\d+)"
    r"(?:[eE][+-]?\d{1,3}(?!\w))?"
)
"""With a sign unless a letter or digit stands before it, as in `3-5`; an exponent of up to three digits."""
_AROUND = " \t\"'“”‘’`*.!。！"


def normalised(text: str) -> str:
    """The text without differences that readers ignore: case, character width, runs of spaces."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().split())


def plain(text: str) -> str:
    """The text without differences of case, width and blanks, and without quotes or a full stop around it."""
    return normalised(text).strip(_AROUND)


def last_number(text: str) -> str:
    """The last number in the text, as `12.5`, exactly; empty without one.

    Commas separate thousands; raised digits as in m² and fractions such as ½ are no numbers.
    """
    read = "".join(" " if unicodedata.category(one) == "No" else one for one in text)
    found = _NUMBER.findall(unicodedata.normalize("NFKC", read).replace("\u2212", "-"))
    if not found:
        return ""
    exact = format(Decimal(found[-1].replace(",", "")), "f")
    exact = exact.rstrip("0").rstrip(".") if "." in exact else exact
    return "0" if exact == "-0" else exact


def contains(text: str, wanted: str) -> bool:
    """Whether the text has the wanted one in it as whole words; in scripts without spaces, anywhere."""
    wanted = plain(wanted)
    if not wanted:
        return False
    before = r"(?<!\w)" if _separates(wanted[0]) else ""
    after = r"(?!\w)" if _separates(wanted[-1]) else ""
    return re.search(f"{before}{re.escape(wanted)}{after}", normalised(text)) is not None


def _separates(character: str) -> bool:
    """Whether the character belongs to a script that puts spaces between words."""
    name = unicodedata.name(character, "")
    return re.match(r"\w", character) is not None and not name.startswith(("CJK", "HIRAGANA", "KATAKANA", "THAI"))
