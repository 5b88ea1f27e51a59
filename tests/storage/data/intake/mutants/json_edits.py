"""Changes of what JSON says rather than of its letters: keys dropped or repeated, other types, endless nesting."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

ODD_VALUES = (
    None, True, False, 0, -1, 1.5, 10**30, -(2**63), 1e308, "", " ", "\x00", "\ud800", "a\nb", "é" * 50, "1", [], {},
    [None], [[]], {"": ""}, {"a": {"b": []}}, [{"role": "user", "content": "x"}], {"role": "user"}, ["a", 1, None],
)  # fmt: skip
RAW_VALUES = (
    "NaN", "-Infinity", "1e999", "9" * 300, "-0.0", "01", "+1", ".5", "0x10", "'a'", '"\\ud800"', '"\\uDC00\\uD800"',
    '"\\u0000"', '"\\x41"', '"a\nb"', "[" * 3_000, "[" * 3_000 + "]" * 3_000, '{"a":' * 3_000, "tru", "undefined", "",
    '{"a": 1, "a": 2}', "1 2", "/* no */ 1", '"\\',
)  # fmt: skip
"""What can stand in a file where a value should, valid or not."""
_MARK = "\ue000raw\ue000"
"""Stands for a raw value until the rest is written."""


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every value inside this one, as the keys that lead there."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [found for key, inner in items for found in ((*path, key), *_places(inner, (*path, key)))]


def _holder(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def changed(document: Any, draw: Random) -> str:
    """The document as JSON with one of its values changed."""
    document = copy.deepcopy(document)
    places = _places(document)
    if not places:
        return draw.choice(RAW_VALUES)
    path = draw.choice(places)
    holder, key = _holder(document, path), path[-1]
    how = draw.choice(("drop", "odd", "raw", "rename", "repeat", "wrap", "copy"))
    raw = ""
    if how == "drop":
        del holder[key]
    elif how == "odd":
        holder[key] = draw.choice(ODD_VALUES)
    elif how == "rename" and isinstance(holder, dict):
        holder[draw.choice(("", " ", "text", "label", "messages", "\x00", "x" * 300, "Ω", "\ud800"))] = holder.pop(key)
    elif how == "wrap":
        holder[key] = draw.choice(([holder[key]], {"a": holder[key]}, json.dumps(holder[key])))
    elif how == "copy":
        holder[key] = copy.deepcopy(_holder(document, other := draw.choice(places))[other[-1]])
    else:
        raw = draw.choice(RAW_VALUES)
        if how == "repeat" and isinstance(holder, dict):
            raw = f"{json.dumps(holder[key])}, {json.dumps(key)}: {draw.choice(('1', json.dumps(holder[key])))}"
        holder[key] = _MARK
    text = json.dumps(document, ensure_ascii=draw.random() < 0.5)
    return text.replace(json.dumps(_MARK), raw).replace(f'"{_MARK}"', raw)


def changed_line(data: bytes, draw: Random) -> bytes:
    """JSON lines with one of them changed."""
    lines = data.decode().split("\n")[:-1]
    place = draw.randrange(len(lines))
    lines[place] = changed(json.loads(lines[place]), draw)
    return _encoded("\n".join(lines) + "\n")


def changed_whole(data: bytes, draw: Random) -> bytes:
    """A JSON document changed."""
    return _encoded(changed(json.loads(data), draw))


def _encoded(text: str) -> bytes:
    """Half characters as the invalid bytes that some writers make of them."""
    return text.encode("utf-8", "surrogatepass")
