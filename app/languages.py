"""Names of languages, for pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NAMES: Mapping[str, str] = {
    "ar": "Arabic",
    "bn": "Bengali",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""By ISO 639 code: the languages that the makers of open models name."""
LISTED = 4
"""Names before the rest is only counted."""


def names(codes: Sequence[str]) -> list[str]:
    """The languages' names; a code without a name stays."""
    return [NAMES.get(code, code) for code in codes]


def listed(codes: Sequence[str]) -> str:
    """`English, Chinese, German, French and 6 more`."""
    known = names(codes)
    rest = len(known) - LISTED
    return ", ".join(known[:LISTED]) + (f" and {rest} more" if rest > 0 else "")
