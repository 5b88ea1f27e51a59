"""What one row of a dataset can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FieldKind = Literal["text", "messages", "tools", "prompt", "system", "answer", "boolean"]
"""`prompt`: turns that end with a question, of which one text is one. `answer`: the assistant's text, or turns that
end with it; those before it are the prompt, or repeat it. `system`: a text that becomes the prompt's first turn."""
ASKED: tuple[FieldKind, ...] = ("prompt", "system", "tools")
"""Kinds of fields that hold what is asked, and no answer."""


@dataclass(frozen=True)
class ShapeField:
    """One field of a row shape."""

    name: str
    title: str
    kind: FieldKind = "text"
    required: bool = True
    """Whether a column must be chosen for it."""
    aliases: tuple[str, ...] = ()
    """Column names, lower-cased, that usually hold this field; best guess first."""


@dataclass(frozen=True)
class RowShape:
    """What one row of a dataset holds, and how it becomes a conversation."""

    title: str
    summary: str
    fields: tuple[ShapeField, ...]
    messages: Callable[[Mapping[str, Any]], list[dict[str, Any]]] | None = None
    """The row as chat messages ending with the answer, if it has one; None for plain text."""
    tools: Callable[[Mapping[str, Any]], list[dict[str, Any]]] = field(default=lambda row: list(row.get("tools") or ()))
    """The functions that the row's assistant may call, each as `{"type": "function", "function": {…}}`."""
    rejected: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = field(default=lambda _row: None)
    """The row with its bad answer in the place of the good one; itself if it has only a bad one, None without one."""
    metrics: tuple[str, ...] = ("loss",)
    """What a verdict can measure: `loss`, `exact_match`, `label_accuracy`; nothing where answers may be bad ones."""
    key: str = ""
    page: str = ""

    @property
    def judged(self) -> bool:
        """Whether rows say which answers are better. Then only the last turn is an answer, and all else its prompt."""
        return any(one.kind == "answer" for one in self.fields)

    @property
    def has_answers(self) -> bool:
        """Whether there is more in a row than what is asked."""
        return any(one.kind not in ASKED for one in self.fields)
