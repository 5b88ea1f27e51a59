"""Finds what ends an assistant's turn in a template's text, and which turns it does not write completely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.rendering import turn_spans
from storage.rendering.chat_templates import ChatTemplate, Span
from templates.errors import BadInput, Problem

_USER = {"role": "user", "content": "q0zx"}
_ANSWER = {"role": "assistant", "content": "q1zx"}
_REASONED = {**_ANSWER, "reasoning_content": "q2zx"}
_CALLING = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"type": "function", "id": "call00000", "function": {"name": "q3zx", "arguments": {"x": "q4zx"}}}],
}
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "q3zx",
            "description": "x",
            "parameters": {"type": "object", "properties": {"x": {"type": "string", "description": "x"}}},
        },
    }
]


@dataclass(frozen=True)
class Ends:
    """The special tokens that end turns."""

    always: tuple[str, ...]
    """They end an answer wherever they stand."""
    after_answers: str = ""
    """Ends earlier turns, but also reasoning: it ends an answer only once the answer has begun."""


def found(template: ChatTemplate) -> Ends:
    """The tokens that end turns with an answer, with calls, and before another turn."""
    last = _last_tokens(template, [_USER, _ANSWER])
    calls = _last_tokens(template, [_USER, _CALLING], _TOOLS)
    earlier = _last_tokens(template, [_USER, _ANSWER, _USER, _ANSWER])[:-1]
    between = _between(template)
    ends = [token for token in (*last, *calls, *earlier) if token]
    always = tuple(dict.fromkeys(token for token in ends if token not in between))
    return Ends(always, next((token for token in ends if token in between), ""))


def _last_tokens(
    template: ChatTemplate, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """The last special token of each assistant turn; empty where it has none."""
    try:
        text, spans = template.spans(messages, tools)
    except BadInput:
        return []  # it refuses such a conversation
    if tools and "q4zx" not in text:
        return []
    return [_last_token(template, text[start:end]) for start, end in spans]


def _last_token(template: ChatTemplate, turn: str) -> str:
    """The special token at the end of a turn."""
    ending = [match for match in template.special.finditer(turn) if not turn[match.end() :].strip()]
    return ending[-1].group() if ending else ""


def _between(template: ChatTemplate) -> str:
    """What a template writes between the reasoning and the answer of a turn."""
    try:
        text = template.text([_USER, _REASONED])
    except BadInput:
        return ""
    start, end = text.find("q2zx"), text.rfind("q1zx")
    return text[start:end] if 0 <= start < end else ""


def opening(template: ChatTemplate) -> str:
    """What the template writes after a question to ask for the answer; empty if nothing."""
    question = template.text([_USER])
    asked = template.text([_USER], add_generation_prompt=True)
    return asked[turn_spans.common(question, asked) :]


def lead(template: ChatTemplate) -> str:
    """What the template writes between the prompt and an answer, such as an empty reasoning block."""
    try:
        prompt = template.text([_USER], add_generation_prompt=True)
        text = template.text([_USER, _ANSWER])
    except BadInput:
        return ""
    return text[len(prompt) : max(len(prompt), text.rfind("q1zx"))] if text.startswith(prompt) else ""


def lost(text: str, spans: Sequence[Span], answers: Sequence[Mapping[str, Any]]) -> list[int]:
    """The answers, by their number from 0, of which a part is missing in the text, apart from blanks."""
    if len(spans) != len(answers):
        return []
    missing = []
    for number, ((start, end), answer) in enumerate(zip(spans, answers, strict=True)):
        turn = _bare(text[start:end])
        if any(_bare(answer.get(part) or "") not in turn for part in ("reasoning_content", "content")):
            missing.append(number)
    return missing


def refuses_last(lost: Sequence[int], answers: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a part of the last answer is missing."""
    return bool(lost) and lost[-1] == len(answers) - 1


def thinks(message: Mapping[str, Any], words: Sequence[tuple[str, str]]) -> bool:
    """Whether an answer has reasoning, which some prompts have closed already; also as words in its text."""
    content = message.get("content") or ""
    written = any(word in content for pair in words for word in pair)
    return message["role"] == "assistant" and (bool(message.get("reasoning_content")) or written)


def incomplete() -> BadInput:
    """The refusal of a row whose last answer can't be learned completely."""
    return BadInput(
        Problem(
            "the base model's chat template leaves out the answer or a part of it, such as its reasoning, or asks for "
            "an answer without reasoning.",
            field="messages",
            remedy="Choose another base model, or remove that part.",
        )
    )


def _bare(text: str) -> str:
    return "".join(text.split())
