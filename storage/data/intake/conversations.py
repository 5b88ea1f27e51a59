"""Reads one conversation: a list of messages with roles, in either of the two layouts in use.

The result has the form that chat templates expect: `role` and `content`, which is None for calls without text;
for the assistant also `reasoning_content` and `tool_calls` with arguments as objects; for a tool's result also
`tool_call_id` and `name`. Apart from `content`, a message has no keys for missing parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from storage.data.intake import tool_use
from storage.data.intake.cell import Cell
from storage.data.intake.findings import Findings
from storage.data.intake.source import text_flaw
from storage.data.intake.strict_json import kind
from storage.data.intake.tool_use import Call

ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool", "function": "tool"}
SHAREGPT_ROLES = {
    "system": "system",
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bot", "model", "function_call"), "assistant"),
    **dict.fromkeys(("observation", "tool", "function"), "tool"),
}
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
CALL_KEYS = ("tool_calls", "function_call")
RESULT_KEYS = ("tool_call_id", "name")
ASKING = ("user", "tool")
"""Roles whose turn the assistant answers."""
PARTS = {"reasoning": 0, "thinking": 0, "text": 1, "tool_call": 2}
"""The supported types of content parts, and their order in a message."""
Message = dict[str, Any]


@dataclass
class _Content:
    """The parts of a message."""

    texts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


class _Reading(Cell):
    """The conversation being read."""

    def message(self, value: Any, index: int) -> Message | None:
        at = f"[{index}]"
        if not isinstance(value, dict):
            self.problem(f"is {kind(value)}, not a message.", at, 'Write {"role": "user", "content": "…"}.')
            return None
        keys = ("from", "value") if "from" in value and "role" not in value else ("role", "content")
        n_before = self.findings.n_problems
        role = self._role(value.get(keys[0]), keys[0], at)
        if role is None:
            return None
        content = self._content(value, keys, at, role)
        if keys[0] == "from":
            self.remark("Messages with “from” and “value” were read as “role” and “content”.")
        if self.findings.n_problems > n_before:
            return None
        made = self._made(value, content, role, f"{at}.{keys[1]}")
        return made if self.findings.n_problems == n_before else None

    def _role(self, value: Any, key: str, at: str) -> str | None:
        known = SHAREGPT_ROLES if key == "from" else ROLES
        if isinstance(value, str) and value in known:
            return known[value]
        shown = f"“{value[:40]}”" if isinstance(value, str) else kind(value)
        self.problem(f"the role is {shown}.", f"{at}.{key}", f"Use one of: {', '.join(known)}.")
        return None

    def _content(self, value: dict[str, Any], keys: tuple[str, str], at: str, role: str) -> _Content:
        """The message's parts, from its content and the keys beside it."""
        given, place = value.get(keys[1]), f"{at}.{keys[1]}"
        if value[keys[0]] == "function_call":
            content = _Content(calls=tool_use.calls(given, place, self))
        elif isinstance(given, list) and given:
            content = self._parts(given, place, role)
        else:
            content = _Content()
            if isinstance(given, str):
                content.texts.append(given)
            elif given is not None:
                self.problem(f"holds {kind(given)} where text is needed.", place)
        self._beside(value, content, at, role)
        used = {*keys, *(REASONING_KEYS + CALL_KEYS if role == "assistant" else RESULT_KEYS if role == "tool" else ())}
        for key in sorted(key for key in value if key not in used and value[key] not in (None, [])):
            self.unused(key, "messages")
        return content

    def _beside(self, value: dict[str, Any], content: _Content, at: str, role: str) -> None:
        """Calls and reasoning in their own keys."""
        called = [key for key in CALL_KEYS if value.get(key)]
        if role != "assistant":
            for key in called:
                self.problem("only the assistant can call tools.", f"{at}.{key}", "Leave out the conversation.")
            return
        if len(called) > 1:
            self.problem("repeats “tool_calls”.", f"{at}.function_call", "Leave one out.")
        for key in called:
            content.calls += tool_use.calls(value[key], f"{at}.{key}", self)
        if "function_call" in called:
            self.remark("“function_call” of the messages was read as a tool call.")
        for key in REASONING_KEYS:
            given = value.get(key)
            if isinstance(given, str):
                content.reasoning += [given] if given.strip() and given not in content.reasoning else []
            elif given is not None:
                self.problem(f"holds {kind(given)} where text is needed.", f"{at}.{key}")

    def _parts(self, parts: list[Any], at: str, role: str) -> _Content:
        """A list of content parts."""
        content, reached = _Content(), 0
        for index, part in enumerate(parts):
            place = f"{at}[{index}]"
            part_type = str(part.get("type")) if isinstance(part, dict) else ""
            level = PARTS.get(part_type)
            if level is None or (level != PARTS["text"] and role != "assistant"):
                what = f"a part of the type “{part_type}”" if isinstance(part, dict) else kind(part)
                self.problem(f"is {what}; a model can learn only texts.", place, "Leave out the conversation.")
                continue
            if level < reached:
                after = "the text" if reached == PARTS["text"] else "a tool call"
                self.problem(f"is {part_type} after {after}, an order that no chat template writes.", place)
            reached = max(level, reached)
            self._part(part, part_type, content, place)
        return content

    def _part(self, part: dict[str, Any], part_type: str, content: _Content, at: str) -> None:
        given = next((part[key] for key in (part_type, "text", "value") if part.get(key) is not None), None)
        if part_type == "tool_call":
            content.calls += tool_use.calls(given, at, self)
        elif isinstance(given, str):
            (content.texts if part_type == "text" else content.reasoning).append(given)
        else:
            self.problem(f"holds {kind(given)} where text is needed.", at)

    def _made(self, value: dict[str, Any], content: _Content, role: str, at: str) -> Message:
        """The message; problems with its texts are noted."""
        text, reasoning = "\n".join(content.texts), "\n".join(content.reasoning)
        if not content.texts and not content.calls and value.get("content", value.get("value")) is None:
            self.problem("holds null where text is needed.", at)
        elif not text.strip() and not content.calls and role != "tool":
            self.problem("is empty.", at, "Fill it in, or leave out the conversation.")
        for word, found in (("text", content.texts), ("reasoning", content.reasoning)):
            if len(found) > 1:
                self.remark(f"Several {word} parts of a message were joined with line breaks.")
        for one in (text, reasoning):
            if flaw := text_flaw(one):
                self.problem(flaw[0], at, flaw[1])
        made: Message = {"role": role, "content": text if text.strip() or not content.calls else None}
        if reasoning.strip():
            made["reasoning_content"] = reasoning
        if content.calls:
            made["tool_calls"] = content.calls
        for key in RESULT_KEYS if role == "tool" else ():
            given = value.get(key)
            if isinstance(given, str):
                made[key] = given
            elif given is not None:
                self.problem(f"holds {kind(given)} where text is needed.", at.rpartition(".")[0] + f".{key}")
        return made


def read(value: Any, row: int, column: str, findings: Findings, *, asks: bool = False) -> list[Message] | None:
    """The conversation as messages; None, with problems noted, if it isn't one.

    It ends with an answer or, if it `asks`, with the turn to answer.
    """
    reading = _Reading(row, column, findings)
    if not isinstance(value, list) or not value:
        what = "is an empty list" if isinstance(value, list) else f"is {kind(value)}, not a list of messages"
        reading.problem(f"{what}.", remedy='Write [{"role": "user", "content": "…"}, …].')
        return None
    messages = [reading.message(item, index) for index, item in enumerate(value)]
    whole = [message for message in messages if message is not None]
    if len(whole) < len(messages):
        return None
    flaw = _flaw([message["role"] for message in whole], asks)
    if flaw:
        reading.problem(flaw[0], remedy=flaw[1])
    return None if flaw else whole


def _flaw(roles: list[str], asks: bool) -> tuple[str, str | None] | None:
    """The problem with the order of the roles, and its remedy."""
    if asks and roles[-1] not in ASKING:
        return f"ends with the {roles[-1]}'s turn.", "End it with the user's turn: the answer has its own column."
    if not asks and "assistant" not in roles:
        return "has no assistant turn, so there is nothing to learn.", None
    if not asks and roles[-1] != "assistant":
        return f"ends with the {roles[-1]}'s turn.", "End it with the assistant's answer."
    if "system" in roles[1:]:
        return "has a system message after the first turn.", "Put it first."
    return None
