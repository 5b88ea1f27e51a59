"""Conversations that call tools, in the form in which they are stored and rendered."""

from __future__ import annotations

from typing import Any

TOWNS = ("Bern", "Oslo", "Riga", "Lima")


def tool(name: str = "find_train") -> dict[str, Any]:
    """A function that may be called."""
    parameters = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
    return {"type": "function", "function": {"name": name, "description": "Finds a train.", "parameters": parameters}}


def call(town: str, name: str = "find_train") -> dict[str, Any]:
    """A call of it."""
    return {"type": "function", "function": {"name": name, "arguments": {"town": town}}}


def talk(town: str = "Bern", *, ends_with_call: bool = False) -> dict[str, Any]:
    """A row: a question, a call, its result and the answer."""
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": f"When does the train to {town} leave?"},
        {"role": "assistant", "content": None, "tool_calls": [call(town)]},
    ]
    if not ends_with_call:
        turns += [{"role": "tool", "content": '{"time": "9:40"}'}, {"role": "assistant", "content": "At 9:40."}]
    return {"messages": turns, "tools": [tool()]}


def plain(n: int) -> dict[str, Any]:
    """A row without tools."""
    return {"messages": [{"role": "user", "content": f"say {n}"}, {"role": "assistant", "content": f"{n}"}]}
