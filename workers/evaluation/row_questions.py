"""The questions in held-out rows: each row's prompt, and the answer to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import BadInput
from templates.turns import said


@dataclass(frozen=True)
class Question:
    """What a model is asked for one held-out row."""

    index: int
    prompt: str
    expected: str
    prompt_ids: list[int]
    n_expected: int
    reasoned: bool
    """The prompt leaves no reasoning open: the answer follows at once."""


def of(
    renderer: Renderer, shape: str, rows: Sequence[Mapping[str, Any]], *, unanswered: bool = False
) -> list[Question]:
    """Each row's question and expected answer: everything before its last assistant turn, and that turn.

    With `unanswered` also those of rows that are prompts alone; they expect "".
    """
    declared = registry.shape(shape)
    questions: list[Question] = []
    for index, row in enumerate(rows if declared.messages else ()):
        turns = declared.messages(row) if declared.messages else []
        if unanswered and turns and not declared.has_answers:
            questions += _unanswered(renderer, index, turns, declared.tools(row))
            continue
        while turns and turns[-1]["role"] != "assistant":
            turns = turns[:-1]
        other = declared.rejected(row)
        if len(turns) < 2 or other is row:  # nothing to ask, or only a bad answer to compare with
            continue
        try:
            prompt_ids = renderer.answer_prompt(turns[:-1], declared.tools(row))
            row_ids = renderer.row(shape, row).ids
            n_other = len(renderer.row(shape, other).ids) if other else 0
            reasoned = row_ids[: len(prompt_ids)] == prompt_ids
            if not reasoned:  # the row's answer starts with reasoning of its own
                prompt_ids = renderer.prompt(turns[:-1], declared.tools(row))
        except BadInput:
            continue  # the template refuses this conversation, so it counts as not asked
        expected = _expected(renderer, turns[-1], prompt_ids, row_ids, reasoned)
        if expected is not None:
            n_expected = max(max(len(row_ids), n_other) - len(prompt_ids), 1)
            questions.append(Question(index, _shown(turns[:-1]), expected, prompt_ids, n_expected, reasoned))
    return questions


def _unanswered(
    renderer: Renderer, index: int, turns: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
) -> list[Question]:
    """The question of a row that is a prompt alone; none if the template refuses it."""
    try:
        return [Question(index, _shown(turns), "", renderer.answer_prompt(turns, tools), 1, reasoned=True)]
    except BadInput:
        return []


def _expected(
    renderer: Renderer, turn: Mapping[str, Any], prompt_ids: Sequence[int], row_ids: Sequence[int], reasoned: bool
) -> str | None:
    """The last turn's text without reasoning; calls as the template writes them after the prompt, else None."""
    if not turn.get("tool_calls"):
        return renderer.reasoning.split_text(str(turn.get("content") or "")).strip()
    if list(row_ids[: len(prompt_ids)]) != list(prompt_ids):
        return None
    return renderer.read(row_ids[len(prompt_ids) :], reasoned=reasoned).answer


def _shown(turns: Sequence[Mapping[str, Any]]) -> str:
    """A conversation for display: the bare text when it is a single question."""
    if len(turns) == 1:
        return said(turns[0])
    return "\n".join(f"{turn['role']}: {said(turn)}" for turn in turns)
