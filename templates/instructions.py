"""Instructions: the text at the start of every prompt that says what the task is.

A dataset has one instruction, or none. It becomes the system turn of every row without one, for the base model as
well as for the adapted one, so that both have the same chance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from templates.errors import Problem
from templates.spec import RowShape

MOST_CHARS = 8_000
SHOWN_CHARS = 200
MOST_LISTED_CHARS = 4_000
"""A longer list of answers would fill the context of many models."""

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def answer_with_one_of(answers: Sequence[str]) -> str:
    """The instruction for a task with these few answers; "" without any, or if they are too many to list."""
    answers = list(dict.fromkeys(answer.strip() for answer in answers))
    if len(answers) < 2:
        return ""
    apart = any("," in answer or "\n" in answer for answer in answers)
    listed = "".join(f"\n- {answer}" for answer in answers) if apart else f" {', '.join(answers)}."
    return f"Answer with one of:{listed}" if len(listed) <= MOST_LISTED_CHARS else ""


def given(messages: Sequence[Mapping[str, Any]], instruction: str) -> list[Mapping[str, Any]]:
    """The conversation with the instruction as its system turn, unless it has one of its own."""
    if not instruction or any(message["role"] in ("system", "developer") for message in messages):
        return list(messages)
    return [{"role": "system", "content": instruction}, *messages]


def remarks(instruction: str) -> list[str]:
    """The verdict's remark on it; none without an instruction."""
    words = " ".join(instruction.split())
    shown = words if len(words) <= SHOWN_CHARS else f"{words[:SHOWN_CHARS].rstrip()} …"
    return [f"All models got the same instruction: “{shown}”"] if words else []


def problems(instruction: str) -> list[Problem]:
    """The reason why this text can't be an instruction."""
    if _NO_TEXT.search(instruction):
        what = "holds a character that is no text, such as half an emoji or a NUL."
        return [Problem(what, field="instruction", remedy="Remove it, or write the text anew.")]
    if len(instruction) <= MOST_CHARS:
        return []
    return [
        Problem(
            f"has {len(instruction):,} characters; at most {MOST_CHARS:,} are allowed.",
            field="instruction",
            remedy="Shorten it: it is part of every prompt.",
        )
    ]


def misplaced(shape: RowShape, instruction: str) -> list[Problem]:
    """The problem with an instruction for rows that hold no conversation."""
    if not instruction.strip() or shape.messages is not None:
        return []
    what = "can't be used with plain text, which has no prompt to put it before."
    return [Problem(what, field="instruction", remedy="Leave it empty, or choose another row shape.")]
