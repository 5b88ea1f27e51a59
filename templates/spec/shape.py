"""Row shapes: what one row of a dataset can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

FieldKind = Literal["text", "messages", "tools", "prompt", "system", "answer", "boolean"]
"""`prompt`: turns that end with a question; a single text is one such turn. `answer`: the assistant's text, or turns
that end with it; the turns before it are the prompt, or repeat it. `system`: a text that opens the prompt."""
ASKED: tuple[FieldKind, ...] = ("prompt", "system", "tools")
"""Kinds of fields that hold the prompt and no answer."""


@dataclass(frozen=True)
class ShapeField:
    """One field of a row shape."""

    name: str
    title: str
    kind: FieldKind = "text"
    required: bool = True
    """Whether the field needs a column."""
    aliases: tuple[str, ...] = ()
    """Column names, lower-cased, that usually hold this field; best guess first."""


@dataclass(frozen=True)
class RowShape:
    """The contents of one dataset row, and how it becomes a conversation."""

    title: str
    summary: str
    fields: tuple[ShapeField, ...]
    messages: Callable[[Mapping[str, Any]], list[dict[str, Any]]] | None = None
    """The row as chat messages ending with the answer, if it has one; None for plain text."""
    tools: Callable[[Mapping[str, Any]], list[dict[str, Any]]] = field(default=lambda row: list(row.get("tools") or ()))
    """Functions that the assistant may call in this row, each as `{"type": "function", "function": {…}}`."""
    rejected: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = field(default=lambda _row: None)
    """The row with its bad answer instead of the good one; itself if it has only a bad one, None without one."""
    metrics: tuple[str, ...] = ("loss",)
    """Metrics for a verdict: `loss`, `exact_match`, `chrf`, `label_accuracy`; none where answers may be bad."""
    answer: str = ""
    """The field whose text is the whole answer, if there is one."""
    instruction: Callable[[Sequence[str]], str] = field(default=lambda _answers: "")
    """The instruction to propose for a dataset whose rows have only these few answers; "" proposes none."""
    key: str = ""
    page: str = ""

    @property
    def judged(self) -> bool:
        """Whether rows say which answers are better. If so, only the last turn is an answer; the rest is its prompt."""
        return any(one.kind == "answer" for one in self.fields)

    @property
    def has_answers(self) -> bool:
        """Whether a row holds more than a prompt."""
        return any(one.kind not in ASKED for one in self.fields)
