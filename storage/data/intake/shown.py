"""Values of typed files that JSON can't express: dates, decimals, bytes, the pairs of a map.

None of them is a text to learn from. So processes exchange only their descriptions, and never rebuild a value
from what a file may have made of its reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

LISTED, SHOWN, NUMBER, INTEGER = "listed", "shown", "number", "integer"
"""The first item of a packed list: the list's items follow, or a value's description."""
LEAST, MOST = -(2**63), 2**64 - 1
"""The limit for whole numbers written as such."""
_PLAIN = (str, type(None), bool)


@dataclass(frozen=True, repr=False)
class Shown:
    """Stands for such a value, and looks like it wherever it is written."""

    type_name: str
    printed: str
    """The value's `repr`."""
    text: str
    """The value's `str`."""
    is_true: bool

    def __repr__(self) -> str:
        return self.printed

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return self.is_true


def is_plain(value: Any) -> bool:
    """Whether JSON returns the value unchanged."""
    made = type(value)
    if made not in (dict, list):
        is_number = (made is float and math.isfinite(value)) or (made is int and LEAST <= value <= MOST)
        return is_number or made in _PLAIN
    inner = value.values() if made is dict else value
    return all(type(one) is str or is_plain(one) for one in inner)


def packed(value: Any) -> Any:
    """The value in a form that JSON can hold."""
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
    """The original of a `packed` value, with `Shown` for values that JSON can't express."""
    if isinstance(value, dict):
        return {name: unpacked(inner) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    mark, *items = value
    if mark == LISTED:
        return [unpacked(item) for item in items]
    return {SHOWN: Shown, NUMBER: float, INTEGER: int}[mark](*items)
