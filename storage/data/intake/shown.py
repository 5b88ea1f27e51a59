"""Values of typed files that JSON has no form for: dates, decimals, bytes, the pairs of a map.

No text to learn from is among them. So of each goes from process to process what is said and shown of
it, and none is rebuilt from what a file made of a reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

LISTED, SHOWN, NUMBER, INTEGER = "listed", "shown", "number", "integer"
"""What a packed list begins with: the list's items follow, or what stands for a value."""
LEAST, MOST = -(2**63), 2**64 - 1
"""Of whole numbers that are written as such."""
_PLAIN = (str, type(None), bool)


@dataclass(frozen=True, repr=False)
class Shown:
    """Stands for such a value, and looks like it wherever it is written."""

    type_name: str
    printed: str
    """As `repr` gives it."""
    text: str
    """As `str` gives it."""
    is_true: bool

    def __repr__(self) -> str:
        return self.printed

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return self.is_true


def is_plain(value: Any) -> bool:
    """Whether JSON gives the value back as it is."""
    made = type(value)
    if made not in (dict, list):
        is_number = (made is float and math.isfinite(value)) or (made is int and LEAST <= value <= MOST)
        return is_number or made in _PLAIN
    inner = value.values() if made is dict else value
    return all(type(one) is str or is_plain(one) for one in inner)


def packed(value: Any) -> Any:
    """The value as JSON can hold it."""
    made = type(value)
    if made is dict:
        return {name: packed(inner) for name, inner in value.items()}
    if made is list:
        return [LISTED, *map(packed, value)]
    if made is float:
        return [NUMBER, repr(value)]  # as text, for JSON has no infinite ones
    if made is int:
        return [INTEGER, str(value)]
    return value if made in _PLAIN else [SHOWN, made.__name__, repr(value), str(value), bool(value)]


def unpacked(value: Any) -> Any:
    """What `packed` was given, with `Shown` for what JSON has no form for."""
    if isinstance(value, dict):
        return {name: unpacked(inner) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    mark, *items = value
    if mark == LISTED:
        return [unpacked(item) for item in items]
    return {SHOWN: Shown, NUMBER: float, INTEGER: int}[mark](*items)
