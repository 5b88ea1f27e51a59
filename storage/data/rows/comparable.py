"""Texts as a reader compares them."""

from __future__ import annotations

import unicodedata


def normalised(text: str) -> str:
    """The text without differences that a reader passes over: case, width of characters, runs of blanks."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().split())
