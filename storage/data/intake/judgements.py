"""Reads a prompt and its answers, from one column each or from conversations that hold both.

A prompt becomes turns that end with a question; an answer becomes the text of the assistant's last turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from storage.data.intake import conversations
from storage.data.intake.cell import Cell
from storage.data.intake.conversations import ASKING, Message
from storage.data.intake.findings import Findings
from storage.data.intake.strict_json import Flaw, decode, kind
from storage.data.intake.tally import kind_of
from templates.spec import RowShape

UNKEPT = {"tool_calls": "calls a tool", "reasoning_content": "contains reasoning beside its text"}
"""Parts that an answer can't have: only its text is kept and compared."""
SPELLED = {"true": True, "1": True, "false": False, "0": False}
_SPEAKERS = {"Human": "user", "Assistant": "assistant"}
_MESSAGES = re.compile(r"""\[?\s*\{\s*["'](?:role|content|from|value)["']\s*:""")
"""Messages start like this, as JSON and as Python prints them."""
_SPOKEN = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):")
"""Turns as texts of Anthropic's HH-RLHF have them: “\\n\\nHuman: …\\n\\nAssistant: …”."""
_READ_AS_TURNS = "“{}” holds turns as “Human: … Assistant: …”; they were read as messages."


@dataclass(frozen=True)
class _Side:
    """One answer, and the turns before it in its cell."""

    cell: Cell
    before: list[Message]
    text: str


def truth(value: Any, cell: Cell) -> bool | None:
    """A judgement; None, with a problem noted, for a value that is neither true nor false."""
    if isinstance(value, bool):
        return value
    spelled = SPELLED.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None
    if spelled is not None:
        cell.remark(f"“{cell.column}” holds texts or numbers: true and 1 were read as true, false and 0 as false.")
    elif value is None or (isinstance(value, str) and not value.strip()):
        cell.problem("is empty.", remedy="Write true for a good answer, false for a bad one, or leave out the row.")
    else:
        shown = f"“{value[:40]}”" if isinstance(value, str) else f"{kind(value)} ({str(value)[:40]})"
        cell.problem(
            f"is {shown}, neither true nor false.", remedy="Write true for a good answer, false for a bad one."
        )
    return spelled


def settled(
    shape: RowShape, given: Mapping[str, Any], columns: Mapping[str, str], row: int, findings: Findings
) -> dict[str, Any] | None:
    """A row with a prompt, and maybe answers, made from its cells: texts, messages, or lists of messages.

    None, with problems noted, where they do not make one prompt with its answers.
    """
    prompt, system = (next(f.name for f in shape.fields if f.kind == kind) for kind in ("prompt", "system"))
    answers = [field.name for field in shape.fields if field.kind == "answer"]
    cells = {name: Cell(row, columns[name], findings) for name in (prompt, system, *answers)}
    n_before = findings.n_problems
    asked, is_listed = _prompt(given[prompt], cells[prompt])
    # beside a list of messages, a text is an answer whatever it looks like; in a table both are texts
    texts_only = isinstance(given[prompt], (list, dict))
    sides = [side for name in answers if (side := _side(given[name], cells[name], texts_only, is_listed))]
    if findings.n_problems > n_before or (sides and not _differ(sides)):
        return None
    told = next((side for side in sides if side.before), sides[0] if sides else _Side(cells[prompt], [], ""))
    turns = _joined(given[system], cells[system], asked, cells[prompt], told)
    if turns is None:
        return None
    rest = {name: value for name, value in given.items() if name not in cells}
    return {prompt: turns, **{name: side.text for name, side in zip(answers, sides, strict=True)}, **rest}


def _prompt(value: Any, cell: Cell) -> tuple[list[Message], bool]:
    """The turns of a prompt (none for an empty cell), and whether the cell lists messages."""
    if value is None or value == []:
        return [], False
    turns = _listed(value, cell)
    is_listed = turns is not None
    spoken = _spoken(value) if turns is None else []
    if len(spoken) > 1 and spoken[0]["role"] == "user" and spoken[-1] == {"role": "assistant", "content": ""}:
        turns = spoken[:-1]
        cell.remark(_READ_AS_TURNS.format(cell.column))
    if turns is None:
        return [{"role": "user", "content": value}], False
    return conversations.read(turns, cell.row, cell.column, cell.findings, asks=True) or [], is_listed


def _side(value: Any, cell: Cell, texts_only: bool, is_listed: bool) -> _Side | None:
    """An answer and the turns before it; None, with problems noted, if there is no answer."""
    turns = None if texts_only and isinstance(value, str) else _listed(value, cell)
    if turns is None and not is_listed:
        spoken = _spoken(value)
        if spoken and (spoken[0]["role"] == "assistant" or len(spoken) > 1):
            turns = spoken
            cell.remark(_READ_AS_TURNS.format(cell.column))
    if turns is None:
        return _Side(cell, [], value)
    read = conversations.read(turns, cell.row, cell.column, cell.findings)
    if read is None:
        return None
    unkept = [what for key, what in UNKEPT.items() if key in read[-1]]
    for what in unkept:
        cell.problem(f"the answer {what}, but only its text can be kept.", f"[{len(turns) - 1}]", "Leave out the row.")
    return None if unkept else _Side(cell, read[:-1], read[-1]["content"])


def _listed(value: Any, cell: Cell) -> list[Any] | None:
    """A list of messages, also as JSON text for tables; a single message becomes a list of one."""
    if not isinstance(value, str):
        return [value] if isinstance(value, dict) else value
    if value.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        found = decode(value)
    except Flaw as flaw:
        if _MESSAGES.match(value.lstrip()):
            remedy = "Write messages as JSON, or send the data as JSON lines or Parquet."
            cell.problem(f"looks like messages, but {flaw.message}", remedy=remedy)
        return None  # otherwise a text that starts with a bracket
    listed = [found] if isinstance(found, dict) else found
    if kind_of(listed) != "messages":
        return None
    cell.remark(f"“{cell.column}” holds JSON texts of messages; they were read as messages.")
    return list(listed)


def _spoken(text: str) -> list[Message]:
    """The turns of a text in the style of HH-RLHF; none in other texts."""
    opening, *parts = _SPOKEN.split(text)
    if opening.strip():
        return []
    return [
        {"role": _SPEAKERS[speaker], "content": said.strip()}
        for speaker, said in zip(parts[::2], parts[1::2], strict=True)
    ]


def _differ(sides: list[_Side]) -> bool:
    """Whether the row has two different answers to one prompt to compare."""
    first, *others = sides
    for other in others:
        both = [list(map(_bare, side.before)) for side in (first, other)]
        if all(both) and both[0] != both[1]:
            n_shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(*both, strict=False))))
            other.cell.problem(
                f"has different turns before its answer from “{first.cell.column}”, starting at turn {n_shared + 1}.",
                remedy="Give two answers to the same turns, or leave out the row.",
            )
            return False
        if first.text.strip() == other.text.strip():
            other.cell.problem(
                f"is the same answer as “{first.cell.column}”: there is nothing to learn.",
                remedy="Give two different answers, or leave out the row.",
            )
            return False
    return True


def _joined(
    system: str | None, system_cell: Cell, asked: list[Message], prompt_cell: Cell, told: _Side
) -> list[Message] | None:
    """The prompt, of what its own columns say and of the turns before the answers; a system message comes first."""
    openings = [text for text in (system, _opening(asked), _opening(told.before)) if text]
    rests = [[turn for turn in turns if turn["role"] != "system"] for turns in (asked, told.before)]
    turns = rests[0] or rests[1]
    if len({text.strip() for text in openings}) > 1:
        place = system_cell if system else prompt_cell
        place.problem(
            f"is not the system message that “{(told.cell if _opening(told.before) else prompt_cell).column}” has.",
            remedy="Give one system message, or leave out the row.",
        )
    elif all(rests) and list(map(_bare, rests[0])) != list(map(_bare, rests[1])):
        prompt_cell.problem(
            f"is not the same as the turns before the answer in “{told.cell.column}”.",
            remedy="Choose no column for the prompt to take those turns, or leave out the row.",
        )
    elif not turns or turns[-1]["role"] not in ASKING:
        told.cell.problem(
            "has no question before the answer, and there is no prompt.",
            remedy="Choose a column for “Prompt”, or leave out the row.",
        )
    else:
        return [*({"role": "system", "content": text} for text in openings[:1]), *turns]
    return None


def _opening(turns: list[Message]) -> str | None:
    return turns[0]["content"] if turns and turns[0]["role"] == "system" else None


def _bare(message: Message) -> Message:
    """A message for comparison, without the spaces around its text."""
    return {**message, "content": (message["content"] or "").strip()}
