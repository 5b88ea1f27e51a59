"""Broken characters: a file was cut in the middle of an emoji, or mixes encodings.

Readers get them as lone surrogates: one for each byte (PEP 383), or as JSON writes them.
"""

from __future__ import annotations

import re
from typing import Any

SIGN = "\ufffd"
FLAW = (
    "has half a character, or the file mixes encodings: some bytes are no text.",
    f"Save the whole file as UTF-8, leave out the row, or keep it with {SIGN} in place of these bytes.",
)
"""The message about a text with them, and the remedy."""
MEND = f"Write the whole character, leave out the row, or keep it with {SIGN} instead."
REPLACED = f"Broken characters were replaced by {SIGN}."
_LONE = re.compile("[\ud800-\udfff]+")


def is_in(value: Any) -> bool:
    """Whether a value, or a text inside it, holds any."""
    if isinstance(value, str):
        return not value.isascii() and _LONE.search(value) is not None
    if isinstance(value, dict):
        return any(is_in(key) or is_in(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(is_in, value))


def mended(value: Any) -> Any:
    """The value with � in place of each run of them."""
    if isinstance(value, str):
        return _LONE.sub(SIGN, value)
    if isinstance(value, dict):
        return {_LONE.sub(SIGN, key): mended(inner) for key, inner in value.items()}
    return [mended(inner) for inner in value] if isinstance(value, list) else value
