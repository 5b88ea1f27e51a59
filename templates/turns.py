"""A chat message in words: what checks read of it and pages show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def said(message: Mapping[str, Any]) -> str:
    """All that a message says, one below the other: reasoning, text, and each call as JSON."""
    calls = [_call(call["function"]) for call in message.get("tool_calls") or ()]
    return "\n".join(filter(None, (message.get("reasoning_content"), message.get("content"), *calls)))


def _call(function: Mapping[str, Any]) -> str:
    return json.dumps({"name": function["name"], "arguments": function["arguments"]}, ensure_ascii=False)


def tool_names(tools: Any) -> str:
    """The names of offered functions, in a line."""
    return ", ".join(tool["function"]["name"] for tool in tools or ())
