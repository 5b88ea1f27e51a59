"""Reads one conversation: a list of messages with roles, in either of the two layouts in use."""

from __future__ import annotations

from typing import Any

from storage.intake.findings import Findings
from storage.intake.source import text_flaw
from storage.intake.strict_json import kind

ROLES = ("system", "user", "assistant")
SHAREGPT_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}
TOOL_KEYS = ("tool_calls", "function_call", "tool_call_id")
TOOL_ROLES = ("tool", "function", "function_call", "observation")
NO_TOOLS = "conversations with tools can't be learned yet."
Message = dict[str, str]


class _Reading:
    """One conversation being read: knows where it stands, for the problems it notes."""

    def __init__(self, row: int, column: str, findings: Findings):
        self.row, self.column, self.findings = row, column, findings

    def problem(self, message: str, at: str = "", remedy: str | None = None) -> None:
        self.findings.problem(message, row=self.row, field=f"{self.column}{at}", remedy=remedy)

    def message(self, value: Any, index: int) -> Message | None:
        at = f"[{index}]"
        if not isinstance(value, dict):
            self.problem(f"is {kind(value)}, not a message.", at, 'Write {"role": "user", "content": "…"}.')
            return None
        keys = ("from", "value") if "from" in value and "role" not in value else ("role", "content")
        if self._calls_tools(value, at):
            return None
        role = self._role(value.get(keys[0]), keys[0], at)
        content = self._content(value.get(keys[1]), f"{at}.{keys[1]}")
        if keys[0] == "from":
            self.findings.remark("Messages with “from” and “value” were read as “role” and “content”.", row=self.row)
        others = sorted(key for key in value if key not in keys and value[key] is not None)
        for key in others:
            self.findings.remark(f"Not used: “{key}” of the messages.", row=self.row)
        return {"role": role, "content": content} if role and content else None

    def _calls_tools(self, value: dict[str, Any], at: str) -> bool:
        used = [key for key in TOOL_KEYS if value.get(key)]
        for key in used:
            self.problem(f"calls a tool; {NO_TOOLS}", f"{at}.{key}")
        return bool(used)

    def _role(self, value: Any, key: str, at: str) -> str | None:
        known = SHAREGPT_ROLES if key == "from" else {role: role for role in ROLES}
        if isinstance(value, str) and value in known:
            return known[value]
        if value in TOOL_ROLES:
            self.problem(f"the role is “{value}”; {NO_TOOLS}", f"{at}.{key}", "Leave out the conversation.")
            return None
        shown = f"“{value[:40]}”" if isinstance(value, str) else kind(value)
        self.problem(f"the role is {shown}.", f"{at}.{key}", f"Use one of: {', '.join(known)}.")
        return None

    def _content(self, value: Any, at: str) -> str | None:
        if isinstance(value, list) and value:
            joined = self._joined_parts(value, at)
            return None if joined is None else self._content(joined, at)
        if not isinstance(value, str):
            self.problem(f"holds {kind(value)} where text is needed.", at)
        elif not value.strip():
            self.problem("is empty.", at, "Fill it in, or leave out the conversation.")
        elif flaw := text_flaw(value):
            self.problem(flaw[0], at, flaw[1])
        else:
            return value
        return None

    def _joined_parts(self, parts: list[Any], at: str) -> str | None:
        """A list of content parts as one text, if they are texts."""
        texts = []
        for index, part in enumerate(parts):
            text = part.get("text", part.get("value")) if isinstance(part, dict) else None
            if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(text, str):
                what = f"a part of the type “{part.get('type')}”" if isinstance(part, dict) else kind(part)
                self.problem(f"is {what}; only texts can be learned.", f"{at}[{index}]", "Leave out the conversation.")
                return None
            texts.append(text)
        if len(texts) > 1:
            self.findings.remark("Several text parts of a message were joined by line breaks.", row=self.row)
        return "\n".join(texts)


def read(value: Any, row: int, column: str, findings: Findings) -> list[Message] | None:
    """The conversation as messages with `role` and `content`; None, with problems noted, if it isn't one."""
    reading = _Reading(row, column, findings)
    if not isinstance(value, list) or not value:
        what = "is an empty list" if isinstance(value, list) else f"is {kind(value)}, not a list of messages"
        reading.problem(f"{what}.", remedy='Write [{"role": "user", "content": "…"}, …].')
        return None
    messages = [reading.message(item, index) for index, item in enumerate(value)]
    whole = [message for message in messages if message is not None]
    if len(whole) < len(messages):
        return None
    roles = [message["role"] for message in whole]
    if "assistant" not in roles:
        reading.problem("has no turn of the assistant, so there is nothing to learn.")
    elif roles[-1] != "assistant":
        reading.problem(f"ends with the {roles[-1]}'s turn.", remedy="End it with the assistant's answer.")
    elif "system" in roles[1:]:
        reading.problem("has a system message after the first turn.", remedy="Put it first.")
    else:
        return whole
    return None
