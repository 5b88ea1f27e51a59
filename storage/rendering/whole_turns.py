"""Renders conversations with tools or reasoning completely or not at all.

A chat template that does not support tools, or some use of them, silently omits them. So this module first
renders a conversation of the same form with a unique mark in place of every required text. The marks in
the output show what the template omits, and whether calls are learned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.rendering.chat_templates import ChatTemplate, Message, Span
from templates.errors import BadInput, Problem

REMEDY = "Choose a base model whose chat template supports tools, such as a bundled one, or leave out these rows."
_REASONING, _CALLS = "the reasoning of some turns", "tool calls"
_LAST_REASONING = "the reasoning of the last answer"
_RESULTS, _BESIDE, _TEXTS, _TOOLS = "tools' results", "texts beside tool calls", "texts", "the tools"
_LEAVES_OUT = "leaves out"
_Flaw = tuple[str, str]
"""A flaw of a template, and the parts that it affects."""
_WITHOUT_REASONING = frozenset({(_LEAVES_OUT, _REASONING), (_LEAVES_OUT, _LAST_REASONING)})
_ID = "call00000"
"""Some templates take ids of nine letters or digits only."""


class ToolsLeftOut(BadInput):
    """The base model's chat template does not support tools."""

    code = "tools_left_out"


@dataclass(frozen=True)
class _Turn:
    role: str
    speaks: bool
    reasons: bool
    n_calls: int
    with_ids: bool

    @classmethod
    def of(cls, message: Message) -> _Turn:
        calls = message.get("tool_calls") or ()
        with_ids = bool(message.get("tool_call_id")) or any(call.get("id") for call in calls)
        return cls(
            message["role"],
            message.get("content") is not None,
            bool(message.get("reasoning_content")),
            len(calls),
            with_ids,
        )


@dataclass(frozen=True)
class _Form:
    """Everything that decides how a conversation is written, except the texts themselves."""

    turns: tuple[_Turn, ...]
    n_tools: int

    @property
    def is_plain(self) -> bool:
        """Whether it consists of texts only."""
        return not self.n_tools and not any(t.n_calls or t.reasons or t.role == "tool" for t in self.turns)

    @property
    def reasons(self) -> bool:
        return any(turn.reasons for turn in self.turns)


_KNOWN = _Form(
    (
        _Turn("user", True, False, 0, False),
        _Turn("assistant", False, False, 1, True),
        _Turn("tool", True, False, 0, True),
        _Turn("assistant", True, False, 0, False),
    ),
    n_tools=1,
)
"""The simplest use of a tool: a template that does not write it does not support tools."""


@dataclass
class _Marked:
    """A conversation of a form, with a mark in place of every required text."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    """Mark → the text that it stands for."""

    def mark(self, stands_for: str) -> str:
        made = f"q{len(self.marks)}zx"
        self.marks[made] = stands_for
        return made


def _marked(form: _Form) -> _Marked:
    made = _Marked()
    for _ in range(form.n_tools):
        schema = {"type": "object", "properties": {"x": {"type": "string", "description": "x"}}, "required": ["x"]}
        function = {"name": made.mark(_TOOLS), "description": "x", "parameters": schema}
        made.tools.append({"type": "function", "function": function})
    last = max((place for place, turn in enumerate(form.turns) if turn.role == "assistant"), default=-1)
    for place, turn in enumerate(form.turns):
        message: dict[str, Any] = {"role": turn.role, "content": None}
        if turn.reasons:
            message["reasoning_content"] = made.mark(_LAST_REASONING if place == last else _REASONING)
        if turn.speaks:
            message["content"] = made.mark(_RESULTS if turn.role == "tool" else _BESIDE if turn.n_calls else _TEXTS)
        if turn.n_calls:
            message["tool_calls"] = [_marked_call(made, turn) for _ in range(turn.n_calls)]
        if turn.role == "tool":
            message |= {"name": "x", **({"tool_call_id": _ID} if turn.with_ids else {})}
        made.messages.append(message)
    return made


def _marked_call(made: _Marked, turn: _Turn) -> dict[str, Any]:
    function = {"name": made.mark(_CALLS), "arguments": {"x": made.mark(_CALLS)}}
    return {**({"id": _ID} if turn.with_ids else {}), "type": "function", "function": function}


class WholeTurns:
    """A chat template that writes a conversation completely or refuses it."""

    def __init__(self, template: ChatTemplate):
        self._template = template
        self._found: dict[tuple[_Form, bool], frozenset[_Flaw]] = {}

    def text(self, messages: Sequence[Message], tools: Sequence[Message] = ()) -> str:
        """The prompt for the assistant, without the parts that the template omits."""
        form = _Form(tuple(map(_Turn.of, messages)), len(tools))
        if form.reasons and not _WITHOUT_REASONING.isdisjoint(self._flaws(form)):
            messages = _thinking_aloud(messages)
        return self._template.text(messages, add_generation_prompt=True, tools=tools)

    def spans(self, messages: Sequence[Message], tools: Sequence[Message] = ()) -> tuple[str, list[Span]]:
        """The conversation as text, and the character spans that the assistant wrote.

        If the template has no place for reasoning, it goes before the answer, in <think> tags. If it leaves out
        the reasoning of earlier turns only, they are not complete: see `storage.rendering.turn_ends.lost`.

        Raises `ToolsLeftOut` when the template does not support tools, `BadInput` when it refuses this
        conversation or omits a part of it.
        """
        form = _Form(tuple(map(_Turn.of, messages)), len(tools))
        if form.is_plain:
            return self._template.spans(messages)
        try:
            flaws = self._flaws(form)
            if not _WITHOUT_REASONING.isdisjoint(flaws):
                aloud = self._flaws(form, aloud=True)
                if (_LEAVES_OUT, _LAST_REASONING) in flaws or _WITHOUT_REASONING.isdisjoint(aloud):
                    messages, flaws = _thinking_aloud(messages), aloud
            if (_LEAVES_OUT, _LAST_REASONING) not in flaws:
                flaws -= {(_LEAVES_OUT, _REASONING)}  # only the last answer is learned
            if flaws:
                raise _refusal(flaws)
            return self._template.spans(messages, tools)
        except BadInput as error:
            if self._knows_tools or not _uses_tools(form):
                raise
            raise ToolsLeftOut(
                Problem("the base model's chat template does not support tools.", field="base", remedy=REMEDY)
            ) from error

    @property
    def _knows_tools(self) -> bool:
        try:
            return not any(what == _LEAVES_OUT for what, _ in self._flaws(_KNOWN))
        except BadInput:
            return False

    def _flaws(self, form: _Form, *, aloud: bool = False) -> frozenset[_Flaw]:
        """The template's flaw with a conversation of this form; cached."""
        if (form, aloud) not in self._found:
            self._found[form, aloud] = self._found_in(_marked(form), aloud)
        return self._found[form, aloud]

    def _found_in(self, made: _Marked, aloud: bool) -> frozenset[_Flaw]:
        text, spans = self._template.spans(_thinking_aloud(made.messages) if aloud else made.messages, made.tools)
        learned = "\n".join(text[start:end] for start, end in spans)
        found = set()
        for mark, stands_for in made.marks.items():
            if mark not in text:
                found.add((_LEAVES_OUT, stands_for))
            elif stands_for == _CALLS and mark not in learned:
                found.add(("gives no hint which tokens are", stands_for))
            elif stands_for == _RESULTS and mark in learned:
                found.add(("takes for the assistant's", stands_for))
        return frozenset(found)


def _uses_tools(form: _Form) -> bool:
    return bool(form.n_tools) or any(turn.n_calls or turn.role == "tool" for turn in form.turns)


def _refusal(flaws: Collection[_Flaw]) -> BadInput:
    done = {what: sorted(of for one, of in flaws if one == what) for what, _ in sorted(flaws)}
    says = "; ".join(f"{what} {' and '.join(of)}" for what, of in done.items())
    remedy = "Choose another base model, or leave out these rows."
    return BadInput(Problem(f"the base model's chat template {says}.", field="messages", remedy=remedy))


def _thinking_aloud(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Reasoning as a part of the answer."""
    spoken = []
    for message in messages:
        turn = dict(message)
        reasoning = turn.pop("reasoning_content", None)
        if reasoning:
            answer = f"\n\n{turn['content']}" if turn.get("content") else ""
            turn["content"] = f"<think>\n{reasoning}\n</think>{answer}"
        spoken.append(turn)
    return spoken
