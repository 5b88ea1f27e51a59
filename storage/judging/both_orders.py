"""What a judge says of two answers that it saw in both orders; only a choice that survives the exchange counts.

A reward model scores each answer by itself, so its choice is the same in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from storage.runs.bootstrap import Interval, renumbered, share
from templates.judging import Choice

Outcome = Literal["won", "lost", "tied", "same", "unstable", "unread"]
SCORES: Mapping[Outcome, float] = {"won": 1.0, "lost": 0.0, "tied": 0.5, "same": 0.5, "unstable": 0.5, "unread": 0.5}
"""How much an outcome counts for the second model. A choice that depends on the order says nothing, so it is a half."""


@dataclass(frozen=True)
class Judged:
    """A judge's choices between the answers of a first and a second model."""

    first_shown_first: Choice | None
    """With the first model's answer in the first place; None if the reply held no verdict."""
    second_shown_first: Choice | None
    is_same: bool = False
    """Both answers are the same text, so nobody was asked."""
    scores: tuple[float, float] | None = None
    """Of the first and the second model's answer, from a judge that scores each by itself."""

    @classmethod
    def by_scores(cls, first: float, second: float, *, is_tied: bool) -> Judged:
        """The higher score wins, unless the two are too close to be told apart."""
        if is_tied:
            return cls("tie", "tie", scores=(first, second))
        is_won = second > first
        chosen: tuple[Choice, Choice] = ("second", "first") if is_won else ("first", "second")
        return cls(*chosen, scores=(first, second))

    @property
    def outcome(self) -> Outcome:
        """Seen from the second model. `unstable`: the other order gave another choice."""
        if self.is_same:
            return "same"
        if self.first_shown_first is None or self.second_shown_first is None:
            return "unread"
        return _OUTCOMES.get((self.first_shown_first, self.second_shown_first), "unstable")

    @property
    def score(self) -> float:
        """1 if the second model surely wins, 0 if it surely loses, else ½."""
        return SCORES[self.outcome]


_OUTCOMES: Mapping[tuple[Choice, Choice], Outcome] = {
    ("second", "first"): "won",
    ("first", "second"): "lost",
    ("tie", "tie"): "tied",
}


def counts(judged: Sequence[Judged]) -> dict[Outcome, int]:
    """How often each outcome came up."""
    found = Counter(one.outcome for one in judged)
    return {outcome: found[outcome] for outcome in SCORES}


def first_place(judged: Sequence[Judged]) -> Interval | None:
    """How often the judge chose the answer in the first place, of all its choices; None without a choice.

    Choices by score are not among them: those answers have no place. Each other answer stood there once, so a judge
    that reads only the texts chooses it half of the time. The two choices of a pair belong together.
    """
    both = [(one.first_shown_first, one.second_shown_first) for one in judged if one.scores is None]
    choices = [(place, c) for place, pair in enumerate(both) for c in pair if c in ("first", "second")]
    if not choices:
        return None
    return share(np.array([c == "first" for _, c in choices]), renumbered(np.array([place for place, _ in choices])))
