"""The columns chosen for a field: one, or several joined into one text, written as “subject + body”."""

from __future__ import annotations

import re
from collections.abc import Sequence

JOINT = " + "
"""Separates the names of columns joined into one field."""
_PLUS = re.compile(r"\s*\+\s*")


def joined(columns: Sequence[str]) -> str:
    """The choice of these columns, in this order."""
    return JOINT.join(columns)


def columns_of(choice: str, names: Sequence[str]) -> list[str]:
    """The columns named by a choice; parts that are no columns are returned as they are.

    A name may itself contain a plus sign: the longest known names count.
    """
    if choice in names:
        return [choice]
    return _known(choice.strip(), names) or [part for part in _PLUS.split(choice.strip()) if part]


def _known(choice: str, names: Sequence[str]) -> list[str]:
    """The choice as known names only; nothing if it isn't made of them."""
    for name in sorted({name for name in names if name and choice.startswith(name)}, key=len, reverse=True):
        rest = choice[len(name) :]
        plus = _PLUS.match(rest)
        if not rest.strip():
            return [name]
        if plus and (others := _known(rest[plus.end() :], names)):
            return [name, *others]
    return []


def normal(choice: str | Sequence[str], names: Sequence[str]) -> str:
    """A choice as it is stored: from a list of columns, or from text such as “subject+body”."""
    if not isinstance(choice, str):
        return joined([column for column in choice if column])
    return joined(columns_of(choice, names)) if choice else ""
