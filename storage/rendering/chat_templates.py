"""Renders chat templates in a sandbox and finds the text that the assistant wrote.

Templates come with base models and are untrusted: they see only plain values, in jinja2's immutable
sandbox, and get the few functions that templates of the Hugging Face ecosystem expect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from storage.rendering import turn_spans
from templates.errors import BadInput, Problem

Span = tuple[int, int]
Message = Mapping[str, Any]
OPEN, CLOSE = "\ud8f0", "\ud8f1"
"""Halves of characters, which no text holds: they enclose generated text while a template runs."""
REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
"""Names that templates give to a turn's reasoning; rows use the first."""
MOST_CHARACTERS = 16_000_000
"""Text of one conversation; no context window holds that much."""
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


@lru_cache(maxsize=64)
def _compiled(source: str) -> Template:
    return _environment().from_string(source)


class ChatTemplate:
    """A compiled chat template with the special tokens that it may use."""

    def __init__(
        self,
        source: str,
        named_tokens: Mapping[str, str],
        special_tokens: Collection[str] = (),
        *,
        ends: Collection[str] | None = None,
    ):
        """`special_tokens` are the tokenizer's; `ends` those that may end turns, if known.

        Raises `BadInput` when `source` is not a template.
        """
        try:
            self._template = _compiled(source)
        except (TemplateError, RecursionError) as error:
            raise BadInput(Problem(f"the chat template can't be read: {error}.", field="chat_template")) from error
        self._named = dict(named_tokens)
        self.has_markers = _GENERATION.search(source) is not None
        """Whether the template itself tells what the assistant wrote."""
        known = {*special_tokens, *filter(None, (self._named.get(name) for name in ("eos_token", "bos_token")))}
        self.special = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))) or "(?!)")
        """Matches a special token's text."""
        self.ends = ends
        """The special tokens that may end a turn although they don't end the last one; None for any."""

    def text(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = False, tools: Sequence[Message] = ()
    ) -> str:
        """The conversation as text. Raises `BadInput` when the template refuses it."""
        return _MARKS.sub("", self._rendered(messages, add_generation_prompt, tools))

    def spans(self, messages: Sequence[Message], tools: Sequence[Message] = ()) -> tuple[str, list[Span]]:
        """The conversation as text, and the character spans that the assistant wrote.

        Raises `BadInput` when the template refuses the conversation, or a turn can't be told for certain.
        """
        if self.has_markers:
            text, spans = _unmarked(self._rendered(messages, False, tools))
            return text, [turn_spans.with_end(self.special, text, span) for span in spans]
        return turn_spans.found(self, messages, tools)

    @cached_property
    def reasoning_key(self) -> str:
        """The field of a turn from which the template reads reasoning; `reasoning_content` if from none."""
        for key in REASONING_KEYS:
            turn = {"role": "assistant", "content": "q1zx", key: "q2zx"}
            try:
                if "q2zx" in self._rendered([{"role": "user", "content": "q0zx"}, turn], False, (), renamed=False):
                    return key
            except BadInput:
                continue  # it refuses this field
        return REASONING_KEYS[0]

    def _rendered(
        self,
        messages: Sequence[Message],
        add_generation_prompt: bool,
        tools: Sequence[Message] = (),
        *,
        renamed: bool = True,
    ) -> str:
        plain = [{k: _unmark(v) for k, v in message.items() if v is not None} for message in messages]
        for message in plain:
            if renamed and REASONING_KEYS[0] in message:
                message[self.reasoning_key] = message.pop(REASONING_KEYS[0])
        try:
            text = self._template.render(
                **self._named,
                messages=plain,
                tools=[_unmark(tool) for tool in tools] or None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
            )
        except MemoryError:
            raise  # it concerns the process, not the conversation
        except Exception as error:  # a template is a foreign program: any exception means that it refused
            raise BadInput(
                Problem(
                    f"the base model's chat template refuses this conversation: {error}.",
                    field="messages",
                    remedy="Change the order or roles of the turns, or choose another base model.",
                )
            ) from error
        if len(text) > MOST_CHARACTERS:
            why = f"the base model's chat template writes {len(text):,} characters for one conversation."
            raise BadInput(Problem(why, field="chat_template", remedy="Choose another base model."))
        return text


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
