"""Suite items, and the abilities that they measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Phrasing = Literal["known", "held_out"]
"""`known`: a wording that the bundled models' corpus uses; `held_out`: one that it never uses."""


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
