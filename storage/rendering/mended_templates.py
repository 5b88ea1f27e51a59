"""Mends chat templates whose prompts can't be answered as they are trained; other templates stay as they are.

A mended template is still a template: it is what the studio renders with and what a download contains, so
that training, chat, scores and any other program agree. It mends

- a template that expects contents as lists of parts, and writes nothing for plain texts;
- a template without a system role: the system text goes before the first user turn's text;
- a generation prompt that no trained answer follows, such as an open `<think>` where the template writes
  `<think></think>` before the answer: the prompt ends where both agree;
- a template that writes nothing after the last answer: the tokenizer's end token ends it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from storage.rendering import turn_spans
from storage.rendering.chat_templates import ChatTemplate
from templates.errors import BadInput

Encode = Callable[[str], Sequence[int]]
USER, ANSWER, SYSTEM = "q0zx", "q1zx", "q2zx"
_ASKED = [{"role": "user", "content": USER}]
_ANSWERED = [*_ASKED, {"role": "assistant", "content": ANSWER}]
PARTS = (
    "{%- set mended = namespace(messages=[]) -%}{%- for message in messages -%}{%- set mended.messages = "
    "mended.messages + [dict(message, content=[{'type': 'text', 'text': message.content}] "
    "if message.content is string else message.content)] -%}{%- endfor -%}{%- set messages = mended.messages -%}"
)
SYSTEM_FIRST = (
    "{%- if messages|length > 1 and messages[0].role == 'system' and messages[1].role == 'user' -%}"
    "{%- set messages = [dict(messages[1], content=messages[0].content + '\\n\\n' + messages[1].content)] "
    "+ messages[2:] -%}{%- endif -%}"
)
ENDED = (
    "{%- if messages and messages[-1].role == 'assistant' and not add_generation_prompt -%}{{ eos_token }}{%- endif -%}"
)


@dataclass(frozen=True)
class Mended:
    """A template's text, and what was mended."""

    source: str
    moves_system: bool = False
    """A system text goes before the first user turn's text."""
    asks_shorter: bool = False
    """The generation prompt was cut to what comes before a trained answer."""
    ends_last: bool = False
    """The tokenizer's end token was put after the last answer."""

    @property
    def changes(self) -> list[str]:
        """What was changed in the base model's template, for people."""
        said = {
            "It has no system role: a system text goes before the first user message.": self.moves_system,
            "Its prompt opened reasoning that trained answers don't continue: the prompt now ends before that.": (
                self.asks_shorter
            ),
            "It wrote nothing after the last answer: the tokenizer's end token now ends it.": self.ends_last,
        }
        return [sentence for sentence, is_so in said.items() if is_so]


def mended(source: str, named: Mapping[str, str], special: Collection[str], encode: Encode) -> Mended:
    """The template, mended where it must be. `encode` gives a text's token ids. Raises `BadInput`."""

    def compiled(text: str) -> ChatTemplate:
        return ChatTemplate(text, named, special)

    if not _writes(compiled(source), _ANSWERED, ANSWER) and _writes(compiled(PARTS + source), _ANSWERED, ANSWER):
        source = PARTS + source
    with_system = [{"role": "system", "content": SYSTEM}, *_ANSWERED]
    moves_system = _writes(compiled(source), _ANSWERED, ANSWER) and not _writes(compiled(source), with_system, SYSTEM)
    if moves_system:
        source = SYSTEM_FIRST + source
    ends_last = _has_no_end(compiled(source))
    if ends_last:
        source += ENDED
    asks = _shorter_prompt(compiled(source), encode)
    if asks is not None:
        source = (
            "{%- set asks = add_generation_prompt -%}{%- set add_generation_prompt = false -%}"
            f"{source}{{%- if asks -%}}{{{{ {json.dumps(asks)} }}}}{{%- endif -%}}"
        )
    return Mended(source, moves_system, asks is not None, ends_last)


def _writes(template: ChatTemplate, messages: Sequence[Mapping[str, str]], mark: str) -> bool:
    try:
        return mark in template.text(messages)
    except BadInput:
        return False


def _has_no_end(template: ChatTemplate) -> bool:
    """Whether no special token follows the last answer."""
    try:
        text = template.text(_ANSWERED)
    except BadInput:
        return False
    return ANSWER in text and template.special.search(text[text.rindex(ANSWER) :]) is None


def _shorter_prompt(template: ChatTemplate, encode: Encode) -> str | None:
    """The generation prompt's part that trained answers follow; None if that is all of it."""
    try:
        asked = template.text(_ASKED)
        prompt = template.text(_ASKED, add_generation_prompt=True)
        answered = template.text(_ANSWERED)
    except BadInput:
        return None
    if ANSWER not in answered or answered.startswith(prompt) or not prompt.startswith(asked):
        return None
    cut = min(turn_spans.common(prompt, answered), answered.rindex(ANSWER))
    trained = encode(answered)
    for edge in reversed([edge for edge in turn_spans.edges(template.special, prompt) if len(asked) < edge <= cut]):
        ids = list(encode(prompt[:edge]))
        if ids == list(trained[: len(ids)]):
            return prompt[len(asked) : edge]
    return ""
