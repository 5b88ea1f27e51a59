"""Cells that list texts, as labels are in exports: JSON lists, Label Studio's choices, lists written out in a table."""

from __future__ import annotations

import re
from typing import Any

MAX_CHARS = 2_000
_QUOTED = r"""(?:'[^'\\]*'|"[^"\\]*")"""
_LIST = re.compile(rf"\[\s*{_QUOTED}(?:\s*,\s*{_QUOTED})*\s*\]")
_ITEM = re.compile(_QUOTED)


def texts(value: Any) -> list[str] | None:
    """The texts that a typed cell lists; None for anything else."""
    found = value.get("choices") if isinstance(value, dict) and len(value) == 1 else value
    is_list = isinstance(found, list) and bool(found) and all(isinstance(item, str) for item in found)
    return found if is_list else None


def written(text: str) -> list[str] | None:
    """The texts of a list written out, such as `["a", "b"]` or `['a']`; None for other texts."""
    if text[:1] != "[" or len(text) > MAX_CHARS or not _LIST.fullmatch(text.strip()):
        return None
    return [item[1:-1] for item in _ITEM.findall(text)]
