"""Filters of a teacher's answers: what each one drops, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from templates.discovery import specs
from templates.spec import Params

FILTERS = "storage.data.answers.filters"
VOTE, EACH, REPEATS = 0, 1, 2
"""When a filter runs. Votes see all answers, filters of single answers what the votes kept, and filters of repeated
answers what all others kept."""


@dataclass(frozen=True)
class Answer:
    """One answer to one prompt."""

    number: int
    """Its row's number in the dataset."""
    prompt_row: int
    """The number of the prompt's row."""
    prompt: str
    """Everything before the answer."""
    text: str
    expected: str | None = None
    """The answer that the row came with."""
    ended: bool = True
    """False if it was cut off."""


class NoParams(Params):
    """A filter without settings."""


Judge = Callable[[Sequence[Answer], Any], Mapping[int, str]]
"""Takes answers and the filter's settings; returns the reason for each answer to drop, by its number."""


@dataclass(frozen=True)
class AnswerFilter:
    """One filter. Each file in `storage/data/answers/filters/` exports one as `SPEC`; its key is the file's name."""

    title: str
    outcome: str
    """What the dropped answers do; completes “12 answers …”."""
    judge: Judge
    params: type[Params] = NoParams
    """Settings whose names no other filter has, and no decoding; declared in `templates/filters/`, so that
    objectives whose teacher writes answers have them too."""
    when: int = EACH
    needs_expected: bool = False
    """It compares with the answers that the rows came with."""
    needs_several: bool = False
    """It compares several answers to one prompt."""
    advised: bool = False
    """Whether the form proposes it."""
    key: str = ""
    page: str = ""


@cache
def filters() -> dict[str, AnswerFilter]:
    """Every filter by key, in the order in which they run."""
    found = specs(FILTERS, AnswerFilter)
    return dict(sorted(found.items(), key=lambda item: item[1].when))
