"""Declares suites: frozen items with known answers, and the abilities that they measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Phrasing = Literal["known", "held_out"]
"""`known`: a wording that the bundled models' corpus uses; `held_out`: one that it never uses."""
Family = Literal["bundled", "others"]
"""The bundled base models, which know a small world of their own, and all other base models."""
SPARE_TOKENS = 6
"""Tokens by which an answer may exceed the expected one before it is cut off, unless the suite says otherwise."""


@dataclass(frozen=True)
class Ability:
    """One ability, and how its answers are marked."""

    title: str
    parts: Mapping[str, Callable[[str], str]]
    """Name of a score → the part of an answer that it compares, given and expected alike."""
    chance: float | None = None
    """The best score of an answer that ignores the question; None: almost zero."""


@dataclass(frozen=True)
class SuiteItem:
    """One item: the model's input, and the expected answer."""

    ability: str
    phrasing: Phrasing
    messages: list[dict[str, str]]
    tools: list[dict[str, Any]]
    answer: str


@dataclass(frozen=True)
class DeclaredSuite:
    """A suite; its key is its name for `--suite`."""

    title: str
    abilities: Mapping[str, Ability]
    read: Callable[[], list[SuiteItem]]
    """Reads the frozen items. Raises `StudioError` if they can't be read."""
    prompt_tokens: int
    """Mean tokens of an item's prompt, for estimates."""
    answer_tokens: int
    """Mean tokens that a model writes in answer to an item, for estimates."""
    forgetting_of: Family | None = None
    """The base models of which it shows what a training made them forget; one suite for each family."""
    spare_tokens: int = SPARE_TOKENS
    """Tokens by which an answer may exceed the expected one before it is cut off."""
    must_end: bool = True
    """Whether an answer that is cut off counts as wrong; otherwise its beginning is marked."""
    key: str = ""
    page: str = ""
