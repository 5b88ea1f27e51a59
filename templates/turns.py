"""A chat message as text, for checks and pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def said(message: Mapping[str, Any]) -> str:
    """Everything a message says, line by line: reasoning, text, and each call as JSON."""
    calls = [_call(call["function"]) for call in message.get("tool_calls") or ()]
    return "\n".join(filter(None, (message.get("reasoning_content"), message.get("content"), *calls)))


def _call(function: Mapping[str, Any]) -> str:
    return json.dumps({"name": function["name"], "arguments": function["arguments"]}, ensure_ascii=False)


def tool_names(tools: Any) -> str:
    """The names of the offered functions, on one line."""
    return ", ".join(tool["function"]["name"] for tool in tools or ())
