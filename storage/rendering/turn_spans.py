"""Finds what the assistant wrote in a conversation rendered by a template without generation markers.

The same words may stand anywhere, so it never searches for a turn's text. It renders the conversation
again with private marks around every content: they show where each message stands. A turn starts where
the generation prompt before it ends, and ends with the special token after its content (or after its
calls, found by rendering the conversation only up to this turn).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from templates.errors import BadInput, Problem

if TYPE_CHECKING:
    from storage.rendering.chat_templates import ChatTemplate

Span = tuple[int, int]
Message = Mapping[str, Any]
_POOLS = range(0x100000, 0x10FFFE, 0x2000)
"""Where series of private-use characters start; a conversation's marks are of one that its texts don't use."""
_POOL_SIZE = 0x2000
_LONGEST_TOKEN = 128
"""Characters of the longest special token that ends a turn."""


@dataclass(frozen=True)
class _Marks:
    """Private characters around the contents of a conversation's messages."""

    first: int

    @classmethod
    def for_texts(cls, messages: Sequence[Message]) -> _Marks:
        written = json.dumps(list(messages), ensure_ascii=False, default=str)
        used = {ord(sign) // _POOL_SIZE for sign in written if ord(sign) >= _POOLS.start}
        return cls(next(start for start in _POOLS if start // _POOL_SIZE not in used))

    def around(self, messages: Sequence[Message]) -> list[Message]:
        """The messages with marks within the blanks at the edges of each content; none around blank ones."""
        made = []
        for index, message in enumerate(messages):
            content = message.get("content")
            if isinstance(content, str) and (core := content.strip()):
                begin = len(content) - len(content.lstrip())
                opened, closed = chr(self.first + 2 * index), chr(self.first + 2 * index + 1)
                after = content[begin + len(core) :]
                message = {**message, "content": f"{content[:begin]}{opened}{core}{closed}{after}"}
            made.append(message)
        return made

    def read(self, marked: str) -> _Located:
        """The text without marks, and where they stood."""
        parts, opened, closed, length, cursor = list[str](), dict[int, int](), dict[int, int](), 0, 0
        for match in re.finditer(f"[{chr(self.first)}-{chr(self.first + _POOL_SIZE - 1)}]", marked):
            parts.append(marked[cursor : match.start()])
            length += match.start() - cursor
            cursor = match.end()
            index, is_close = divmod(ord(match.group()) - self.first, 2)
            (closed if is_close else opened)[index] = length
        return _Located("".join([*parts, marked[cursor:]]), opened, closed)


@dataclass(frozen=True)
class _Located:
    """A rendered conversation, and where each message's content opens and closes, by index."""

    text: str
    opened: dict[int, int]
    closed: dict[int, int]


@dataclass(frozen=True)
class _Turn:
    """An assistant's turn in the whole conversation (`start`, `limit`) and in one that ends with it (`own_start`)."""

    index: int
    start: int
    limit: int
    """Where the next message's content starts, or the text ends."""
    own: _Located
    own_start: int
    own_core: int | None
    """Where a blank answer ends in the latter, before its end token; None for other turns."""


def found(template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Message] = ()) -> tuple[str, list[Span]]:
    """The conversation as text, and the span of each assistant turn, in order. Raises `BadInput`."""
    if 2 * len(messages) > _POOL_SIZE:
        raise BadInput(Problem(f"has {len(messages):,} turns, too many to tell apart.", field="messages"))
    whole = _located(template, messages, tools)
    spans: list[Span] = []
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            turn = _turn(template, whole, messages, index, tools)
            span = turn.start, _end(template, whole, turn, has_calls=bool(message.get("tool_calls")))
            if span[1] < span[0] or (spans and span[0] < spans[-1][1]):
                raise _uncertain(index)
            spans.append(span)
    return whole.text, spans


def with_end(special: re.Pattern[str], text: str, span: Span) -> Span:
    """The span with the special token that directly follows it, unless it already ends with one."""
    start, end = span
    tail = text[start:end].rstrip()
    if any(match.end() == len(tail) for match in special.finditer(tail, max(0, len(tail) - _LONGEST_TOKEN))):
        return span
    follows = special.match(text, end)
    return start, follows.end() if follows else end


def _located(
    template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Message], *, asks: bool = False
) -> _Located:
    """The rendered conversation with its contents located; with none if marks would change it."""
    plain = template.text(messages, add_generation_prompt=asks, tools=tools)
    marks = _Marks.for_texts(messages)
    try:
        marked = marks.read(template.text(marks.around(messages), add_generation_prompt=asks, tools=tools))
    except BadInput:
        return _Located(plain, {}, {})
    return marked if marked.text == plain else _Located(plain, {}, {})


def _turn(
    template: ChatTemplate, whole: _Located, messages: Sequence[Message], index: int, tools: Sequence[Message]
) -> _Turn:
    is_last = index == len(messages) - 1
    own = whole if is_last else _located(template, messages[: index + 1], tools)
    limit = min((place for at, place in whole.opened.items() if at > index), default=len(whole.text))
    try:
        asked = _located(template, messages[:index], tools, asks=True)
    except BadInput:
        asked = None  # some templates refuse an empty or unfinished conversation
    question = template.text(messages[:index], tools=tools) if asked and not asked.closed else ""
    start, own_start = (_start(template, text, asked, index, question) for text in (whole, own))
    is_blank = not messages[index].get("tool_calls") and not (messages[index].get("content") or "").strip()
    own_core = _blank_end(template, own, messages[: index + 1], tools) if is_blank else None
    return _Turn(index, start, limit, own, own_start, own_core)


def _blank_end(
    template: ChatTemplate, own: _Located, messages: Sequence[Message], tools: Sequence[Message]
) -> int | None:
    """Where a blank answer at the end of the text ends: as far from the text's end as another answer would."""
    index = len(messages) - 1
    spoken = _located(template, [*messages[:-1], {**messages[-1], "content": "x"}], tools)
    n_after = len(spoken.text) - spoken.closed.get(index, 0)
    return len(own.text) - n_after if own.text[-n_after:] == spoken.text[-n_after:] or not n_after else None


def _start(template: ChatTemplate, whole: _Located, asked: _Located | None, index: int, question: str) -> int:
    """Where a turn starts: after the generation prompt, or after as much of it as the text has.

    `question` is the conversation before it, if nothing in it could be marked.
    """
    opened = whole.opened.get(index)
    if asked is None:
        if opened is None:
            raise _uncertain(index)
        return opened
    known = [at for at in asked.closed if at in whole.closed]
    begin, asked_begin = (whole.closed[known[-1]], asked.closed[known[-1]]) if known else (0, 0)
    given = whole.text[begin : len(whole.text) if opened is None else opened]
    prompt = asked.text[asked_begin:]
    if given.startswith(prompt):
        return begin + len(prompt)
    if not known and not question:
        raise _uncertain(index)
    least, most = common(question, prompt), common(given, prompt)
    met = [edge for edge in edges(template.special, prompt) if least < edge <= most]
    if not met:
        raise _uncertain(index)
    return begin + met[-1]


def _end(template: ChatTemplate, whole: _Located, turn: _Turn, *, has_calls: bool) -> int:
    """Where a turn ends: after its end token, without the next turn's header."""
    index, own = turn.index, turn.own
    if not has_calls and index in whole.closed and index in own.closed:
        core, own_core = whole.closed[index], own.closed[index]
    else:
        own_core = turn.own_core or _without_tail(template.special, own.text, turn.own_start)
        words = own.text[turn.own_start : own_core]
        n_words = _shared(whole.text[turn.start : turn.limit], words)
        if has_calls and words and not n_words:
            raise _uncertain(index)
        core = turn.start + n_words
    rest, own_rest = whole.text[core : turn.limit], own.text[own_core:]
    run, own_run = _first_run(template.special, rest), _first_run(template.special, own_rest)
    n_shared = 0
    while n_shared < min(len(run), len(own_run)) and run[n_shared].group() == own_run[n_shared].group():
        n_shared += 1
    if not own_run or not run:
        return core
    if not n_shared and template.ends is not None and run[0].group() not in template.ends:
        return core  # the next turn's header
    return core + run[max(n_shared, 1) - 1].end()


def _without_tail(special: re.Pattern[str], text: str, start: int) -> int:
    """The end of a turn's own words: without the special tokens and blanks at the end of the text."""
    end = len(text.rstrip())
    while end > start:
        last = next((m for m in special.finditer(text, start, end) if m.end() == end), None)
        if last is None:
            break
        end = len(text[: last.start()].rstrip())
    return max(end, start)


def _shared(given: str, own: str) -> int:
    """The length of a turn's words in `given`, where `own` may have more before them (empty reasoning)."""
    return next(len(own) - skipped for skipped in range(len(own) + 1) if given.startswith(own[skipped:]))


def _first_run(special: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """The first special tokens that follow one another without anything between."""
    run: list[re.Match[str]] = []
    for match in special.finditer(text):
        if run and match.start() != run[-1].end():
            break
        run.append(match)
    return run


def edges(special: re.Pattern[str], prompt: str) -> list[int]:
    """Where a prompt's parts end: special tokens and lines."""
    return [match.end() for match in re.finditer(f"{special.pattern}|\n", prompt)]


def common(one: str, other: str) -> int:
    """The number of leading characters that both share."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


def _uncertain(index: int) -> BadInput:
    return BadInput(
        Problem(
            f"the base model's chat template doesn't show where the answer in turn {index + 1} starts and ends.",
            field="messages",
            remedy="Choose another base model, or leave out this row.",
        )
    )
