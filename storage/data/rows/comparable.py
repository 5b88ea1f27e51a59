"""Texts as a reader compares them."""

from __future__ import annotations

import unicodedata

MANY_PER_LABEL = 20
"""Answers that repeat at least this often on average may be labels."""
LONGEST_LABEL = 40


def normalised(text: str) -> str:
    """The text without differences that readers ignore: case, character width, runs of spaces."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().split())
