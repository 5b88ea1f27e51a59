"""Texts of any length where there is room for a line."""

from __future__ import annotations


def shortened(text: str, length: int = 80) -> str:
    """One line of at most `length` characters; … marks a cut."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
