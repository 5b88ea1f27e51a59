"""JSON without its silent traps: refuses duplicate keys, NaN, lone surrogates and endless numbers."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from storage.data.intake import unreadable
from storage.data.intake.shown import Shown

MAX_DIGITS = 100
TOO_DEEP = ("is nested far too deep.", "A row is an object whose values are texts.")
"""The message for such a value, and the remedy."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Flaw(ValueError):
    """A problem with a JSON text; `field` is the affected key, if known.

    `breaks_off`: the text ends before the value does; `is_half`: a character is cut in half.
    """

    def __init__(
        self,
        message: str,
        field: str | None = None,
        remedy: str | None = None,
        at: int | None = None,
        breaks_off: bool = False,
        is_half: bool = False,
    ):
        super().__init__(message)
        self.message, self.field, self.remedy, self.at, self.breaks_off = message, field, remedy, at, breaks_off
        self.is_half = is_half


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Flaw("the key appears twice, and only one of the values could be kept.", key)
            seen.add(key)
    return made


def _constant(name: str) -> Any:
    raise Flaw(f"{name} is not a JSON value.", remedy="Write null, or leave the row out.")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Flaw(f"a number has {len(digits):,} digits; the limit is {MAX_DIGITS}.", remedy="Write it as text.")
    return int(digits)


def _decimal(digits: str) -> float:
    if len(digits) > MAX_DIGITS or not math.isfinite(float(digits)):
        raise Flaw(f"the number {digits[:20]}… is too large.", remedy="Write it as text.")
    return float(digits)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_decimal
)


def decode_at(text: str, start: int, begin: tuple[int, int] = (1, 1), *, takes_halves: bool = False) -> tuple[Any, int]:
    """The value that starts at `start`, and its end. Raises `Flaw`.

    `begin` is the line and the character in the file where `text` starts. With `takes_halves`, halves of
    characters stay in the texts as lone surrogates.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
        if not takes_halves:
            refuse_halves(value, text, start, end)
    except json.JSONDecodeError as error:
        raise _flaw(error, text, begin) from error
    except RecursionError:
        message, remedy = TOO_DEEP
        raise Flaw(message, remedy=remedy) from None
    return value, end


def refuse_halves(value: Any, text: str, start: int, end: int) -> None:
    """Raise `Flaw` if the value that stands there in the text holds half a character."""
    if _SURROGATE.search(text, start, end):
        _refuse_surrogates(value, None)


def decode(text: str, *, takes_halves: bool = False) -> Any:
    """The one value in `text`. Raises `Flaw`."""
    begin = len(text) - len(text.lstrip())
    if begin == len(text):
        raise Flaw("holds no JSON value.")
    value, end = decode_at(text, begin, takes_halves=takes_halves)
    if text[end:].strip():
        raise Flaw(f"has more text after the value, from character {end + 1}.", at=end)
    return value


def _flaw(error: json.JSONDecodeError, text: str, begin: tuple[int, int]) -> Flaw:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        said = "the JSON breaks off in the middle; the file may be cut short."
        return Flaw(said, at=error.pos, breaks_off=True)
    line, character = begin
    line, character = line + error.lineno - 1, error.colno + (character - 1 if error.lineno == 1 else 0)
    return Flaw(f"is not valid JSON: {error.msg} at character {character} of line {line}.", at=error.pos)


def _refuse_surrogates(value: Any, field: str | None) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            code = ord(value[error.start])
            said = f"contains half a character (\\u{code:04x}), which no file can store."
            raise Flaw(said, field, unreadable.MEND, is_half=True) from error
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_surrogates(key, field)
            _refuse_surrogates(inner, field or key)
    elif isinstance(value, list):
        for inner in value:
            _refuse_surrogates(inner, field)


def kind(value: Any) -> str:
    """The kind of a value from a file, in words."""
    if value is None:
        return "null"
    names = {
        bool: "true or false",
        str: "a text",
        dict: "an object",
        list: "a list",
        int: "a number",
        float: "a number",
    }
    type_name = value.type_name if isinstance(value, Shown) else type(value).__name__
    return names.get(type(value), f"a value of type {type_name}")
