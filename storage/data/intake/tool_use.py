"""Reads tools and tool calls in all common forms; converts them to OpenAI's form, with arguments as objects."""

from __future__ import annotations

from typing import Any

from storage.data.intake.cell import Cell
from storage.data.intake.shown import is_plain
from storage.data.intake.source import text_flaw
from storage.data.intake.strict_json import Flaw, decode, kind

DEEPEST = 40
"""Maximum nesting of objects and lists in arguments or a tool."""
Call = dict[str, Any]
_FORM = '{"name": "…", "arguments": {…}}'
_TOOL_FORM = 'Write [{"type": "function", "function": {"name": "…", "parameters": {…}}}].'


def calls(value: Any, at: str, cell: Cell) -> list[Call]:
    """A call or a list of calls, also as JSON text. Problems are noted."""
    if isinstance(value, str):
        try:
            value = decode(value)
        except Flaw as flaw:
            cell.problem(f"can't be read as a call: {flaw.message}", at, flaw.remedy or f"Write {_FORM} as JSON.")
            return []
    if not isinstance(value, list):
        call = _call(value, at, cell)
        return [call] if call else []
    return [call for index, item in enumerate(value) if (call := _call(item, f"{at}[{index}]", cell))]


def _call(value: Any, at: str, cell: Cell) -> Call | None:
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        if value.get("type") not in (None, "function"):
            cell.problem(f"is a call of the type “{value['type']}”.", f"{at}.type", "Only functions can be called.")
            return None
        for key in sorted(value.keys() - {"id", "type", "function"}):
            cell.unused(key, "tool calls")
        made = _function(value["function"], f"{at}.function", cell)
        call_id = value.get("id")
    else:
        made, call_id = _function(value, at, cell), value.get("id") if isinstance(value, dict) else None
    if call_id is not None and not isinstance(call_id, str):
        cell.problem(f"is {kind(call_id)} where text is needed.", f"{at}.id")
        return None
    return made and {**({"id": call_id} if call_id else {}), "type": "function", "function": made}


def _function(value: Any, at: str, cell: Cell) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        cell.problem(f"is {kind(value)}, not a call.", at, f"Write {_FORM}.")
        return None
    for key in sorted(value.keys() - {"id", "type", "name", "arguments"}):
        cell.unused(key, "tool calls")
    name = _name(value.get("name"), f"{at}.name", cell)
    arguments = _arguments(value.get("arguments"), f"{at}.arguments", cell)
    return None if name is None or arguments is None else {"name": name, "arguments": arguments}


def _name(value: Any, at: str, cell: Cell) -> str | None:
    if not isinstance(value, str) or not value.strip():
        what = "is empty" if isinstance(value, str) else f"is {kind(value)}"
        cell.problem(f"{what} where the name of a function is needed.", at)
        return None
    if flaw := text_flaw(value):
        cell.problem(flaw[0], at, flaw[1])
        return None
    return value


def _arguments(value: Any, at: str, cell: Cell) -> dict[str, Any] | None:
    remedy = "Write an object, or the JSON text of one; {} for a call without arguments."
    if isinstance(value, str):
        try:
            value = decode(value)
        except Flaw as flaw:
            cell.problem(f"can't be read as arguments: {flaw.message}", at, remedy)
            return None
    if not isinstance(value, dict):
        cell.problem(f"is {kind(value)}, not an object of arguments.", at, remedy)
        return None
    return value if _is_writable(value, at, cell) else None


def _is_writable(value: dict[str, Any], at: str, cell: Cell) -> bool:
    """Whether it can be stored as JSON; problems are noted."""
    if _too_deep(value):
        cell.problem("is nested far too deep.", at)
        return False
    if not is_plain(value):
        cell.problem("contains values that JSON can't express, such as dates.", at, "Write them as texts.")
        return False
    return True


def _too_deep(value: Any, most: int = DEEPEST) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most == 0 or any(_too_deep(one, most - 1) for one in inner)


def tools(value: Any, cell: Cell) -> list[dict[str, Any]] | None:
    """The functions that a row offers, from a list or its JSON text; None if there are none or with problems noted."""
    if isinstance(value, str):
        try:
            value = decode(value) if value.strip() else None
        except Flaw as flaw:
            cell.problem(f"can't be read as a list of tools: {flaw.message}", remedy=flaw.remedy or _TOOL_FORM)
            return None
    if not value and not isinstance(value, (bool, int, float)):
        return None
    if not isinstance(value, list):
        cell.problem(f"is {kind(value)}, not a list of tools.", remedy=_TOOL_FORM)
        return None
    made = [_tool(item, f"[{index}]", cell) for index, item in enumerate(value)]
    return [tool for tool in made if tool is not None]


def _tool(value: Any, at: str, cell: Cell) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        cell.problem(f"is {kind(value)}, not a tool.", at, _TOOL_FORM)
        return None
    wrapped = "function" in value
    function, place = (value["function"], f"{at}.function") if wrapped else (value, at)
    if not isinstance(function, dict):
        cell.problem(f"is {kind(function)}, not a function.", place, _TOOL_FORM)
        return None
    if _name(function.get("name"), f"{place}.name", cell) is None:
        return None
    if not _is_writable(value, at, cell):
        return None
    if wrapped:
        return {**value, "type": value.get("type") or "function"}
    cell.remark("Tools were given as bare functions; they were converted to OpenAI's form.")
    return {"type": "function", "function": {k: v for k, v in value.items() if (k, v) != ("type", "function")}}
