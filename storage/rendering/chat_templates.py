"""Renders chat templates in a sandbox and finds the text that the assistant wrote.

Templates come with base models and are untrusted: they see only plain values, in jinja2's immutable
sandbox, and get the few functions that templates of the Hugging Face ecosystem expect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from templates.errors import BadInput, Problem

Span = tuple[int, int]
Message = Mapping[str, Any]
OPEN, CLOSE = "\ue0f0", "\ue0f1"
"""Private-use characters that enclose generated text while a template runs."""
_MARKS = re.compile(f"[{OPEN}{CLOSE}]")
_GENERATION = re.compile(r"\{%[-+]?\s*generation\s*[-+]?%\}")


class _Generation(Extension):
    """`{% generation %}…{% endgeneration %}`: text by the assistant, which the model learns."""

    tags = {"generation"}  # noqa: RUF012 - declared so by jinja2

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

    def _marked(self, caller: Callable[[], str]) -> str:
        return f"{OPEN}{caller()}{CLOSE}"


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    # jinja's own filter escapes HTML, which would change the training text
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = _tojson
    made.globals["raise_exception"] = _raise_exception
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return made


class ChatTemplate:
    """A compiled chat template with the special tokens that it may use."""

    def __init__(self, source: str, named_tokens: Mapping[str, str]):
        """Raises `BadInput` when `source` is not a template."""
        try:
            self._template = _environment().from_string(source)
        except TemplateError as error:
            raise BadInput(Problem(f"the chat template can't be read: {error}.", field="chat_template")) from error
        self._named = dict(named_tokens)
        self._eos = self._named.get("eos_token", "")
        self._has_markers = _GENERATION.search(source) is not None

    def text(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = False, tools: Sequence[Message] = ()
    ) -> str:
        """The conversation as text. Raises `BadInput` when the template refuses it."""
        return _MARKS.sub("", self._rendered(messages, add_generation_prompt, tools))

    def spans(self, messages: Sequence[Message], tools: Sequence[Message] = ()) -> tuple[str, list[Span]]:
        """The conversation as text, and the character spans that the assistant wrote."""
        if self._has_markers:
            return _unmarked(self._rendered(messages, False, tools))
        text = self.text(messages, tools=tools)
        found, cursor = [], 0
        for index, message in enumerate(messages):
            if message["role"] == "assistant":
                span = self._turn(text, messages, index, tools) or _located(text, message, cursor, self._eos)
                if span[0] >= cursor:
                    found.append(span)
                    cursor = span[1]
        return text, found

    def _turn(self, text: str, messages: Sequence[Message], index: int, tools: Sequence[Message]) -> Span | None:
        """The span of turn `index`, if the text up to it is the same without the turns after it."""
        try:
            before = self.text(messages[:index], add_generation_prompt=True, tools=tools)
            upto = self.text(messages[: index + 1], tools=tools)
        except BadInput:
            return None  # some templates refuse an empty or unfinished conversation
        if not (text.startswith(before) and text.startswith(upto) and len(upto) > len(before)):
            return (
                self._calling_turn(text, messages, index, tools, before) if messages[index].get("tool_calls") else None
            )
        last = text.rfind(self._eos, len(before), len(upto)) if self._eos else -1
        if last >= 0 and not text[last + len(self._eos) : len(upto)].strip():
            return len(before), last + len(self._eos)
        return len(before), len(upto)

    def _calling_turn(
        self, text: str, messages: Sequence[Message], index: int, tools: Sequence[Message], before: str
    ) -> Span | None:
        """The span of a turn with calls that the template writes differently when it is the last.

        Many templates start the last answer, but not earlier ones, with a place for reasoning.
        """
        start = len(before)
        if not text.startswith(before):
            earlier = len(self.text(messages[:index], tools=tools))
            start = before.rfind("\n", 0, _common(text, before)) + 1
            if start <= earlier:
                return None
        end = text.find(self._eos, start) if self._eos else -1
        return None if end < 0 else (start, end + len(self._eos))

    def _rendered(self, messages: Sequence[Message], add_generation_prompt: bool, tools: Sequence[Message] = ()) -> str:
        plain = [{k: _unmark(v) for k, v in message.items() if v is not None} for message in messages]
        try:
            return self._template.render(
                **self._named,
                messages=plain,
                tools=[_unmark(tool) for tool in tools] or None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
            )
        except Exception as error:  # a template is a foreign program: any exception means that it refused
            raise BadInput(
                Problem(
                    f"the base model's chat template refuses this conversation: {error}.",
                    field="messages",
                    remedy="Change the order or roles of the turns, or choose another base model.",
                )
            ) from error


def _unmark(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_unmark(key): _unmark(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_unmark(one) for one in value]
    return _MARKS.sub("", value) if isinstance(value, str) else value


def _unmarked(marked: str) -> tuple[str, list[Span]]:
    parts, spans, length, opened = [], [], 0, 0
    cursor = 0
    for match in _MARKS.finditer(marked):
        parts.append(marked[cursor : match.start()])
        length += match.start() - cursor
        cursor = match.end()
        if match.group() == OPEN:
            opened = length
        elif length > opened:
            spans.append((opened, length))
    parts.append(marked[cursor:])
    return "".join(parts), spans


def _common(one: str, other: str) -> int:
    """The number of leading characters that both share."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


def _located(text: str, message: Message, cursor: int, eos: str) -> Span:
    """The span of the content in the text, with the end token after it; empty when it is missing."""
    wanted = (message.get("content") or "").strip()
    start = text.find(wanted, cursor)
    if not wanted or start < 0:
        return -1, -1
    end = start + len(wanted)
    return start, end + len(eos) if eos and text.startswith(eos, end) else end
