"""Detects the script of a text, by Unicode block.

It knows scripts, not languages: English and German look the same to it, and so do Chinese and Japanese.
"""

from __future__ import annotations

import re
from collections import Counter
from string import ascii_letters

FEWEST_LETTERS = 6
"""A text with fewer letters may be a name or a symbol in any language."""
_READ = 5_000
"""Characters of a text that are enough to decide."""
_BLOCKS = {
    "Latin": r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
    "Greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "Cyrillic": r"\u0400-\u052f",
    "Armenian": r"\u0530-\u058f",
    "Hebrew": r"\u0590-\u05ff",
    "Arabic": r"\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff",
    "Devanagari": r"\u0900-\u097f",
    "Bengali": r"\u0980-\u09ff",
    "Tamil": r"\u0b80-\u0bff",
    "Thai": r"\u0e00-\u0e7f",
    "Georgian": r"\u10a0-\u10ff",
    "Hangul": r"\u1100-\u11ff\uac00-\ud7a3",
    "Chinese or Japanese": r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f",
}
UNSPACED = _BLOCKS["Chinese or Japanese"] + _BLOCKS["Thai"] + r"\u3005-\u3007\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"
"""A regular expression's character class for scripts without spaces between words.

Besides the blocks above: repetition marks, the sign for zero, Lao, Burmese and Khmer.
"""
_ASCII_LETTERS = ascii_letters.encode()
_SCRIPTS = {name: re.compile(f"[{block}]") for name, block in _BLOCKS.items()}
_LATIN_ONLY = re.compile(r"[\x00-\u024f\u2000-\u206f]*")


def script(text: str) -> str | None:
    """The script of most letters; None with too few letters."""
    read = text[:_READ]
    if read.isascii():  # the most common case, decided without checking every block
        written = read.encode()
        return "Latin" if len(written) - len(written.translate(None, _ASCII_LETTERS)) >= FEWEST_LETTERS else None
    counts = Counter({name: len(pattern.findall(read)) for name, pattern in _asked(read).items()})
    name, n_most = counts.most_common(1)[0]
    weight = (
        3 if name in ("Chinese or Japanese", "Hangul") else 1
    )  # one of these characters is about a syllable or a word
    return name if n_most * weight >= FEWEST_LETTERS else None


def _asked(text: str) -> dict[str, re.Pattern[str]]:
    return {"Latin": _SCRIPTS["Latin"]} if _LATIN_ONLY.fullmatch(text) else _SCRIPTS
