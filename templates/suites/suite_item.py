"""An item of a suite, and the ability that it measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Phrasing = Literal["known", "held_out"]
"""`known`: a wording that the corpus of the bundled models uses; `held_out`: one that it never does."""


@dataclass(frozen=True)
class Ability:
    """One ability, and the marking of its answers."""

    title: str
    parts: Mapping[str, Callable[[str], str]]
    """Name of a score → the part of an answer that it compares, given and expected alike."""
    chance: float | None = None
    """The best score of an answer that ignores the question; None: next to nothing."""


@dataclass(frozen=True)
class SuiteItem:
    """One item: what a model is given, and the answer that is expected of it."""

    ability: str
    phrasing: Phrasing
    messages: list[dict[str, str]]
    tools: list[dict[str, Any]]
    answer: str
