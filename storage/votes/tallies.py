"""The result of votes: for each pair of models, who is preferred, and whether that can be told yet.

A model's win share is its wins plus half of the ties and of the questions where both answers were bad, over all
votes of the pair. Its 95 % interval is Wilson's, for as many votes as tell as much as these (votes on the same prompt
tell less than votes on different ones). With ties the true spread is smaller, so the interval is on the safe side.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from storage.models import User, Vote
from storage.planning.detectable import FEWEST_GROUPS
from storage.runs.bootstrap import Z_95, Interval, n_effective, wilson
from storage.votes import ranking, votes
from storage.votes.answers import credit, shown
from storage.votes.contenders import FEWEST, Contender, named_apart
from storage.votes.ranking import Ranked

MOST_MORE = 5_000
"""If it would take more votes than this, the two are as good as equal."""


@dataclass(frozen=True)
class PairTally:
    """All votes between two models; `a` is the one with the larger win share."""

    a: Contender
    b: Contender
    wins_a: int
    wins_b: int
    ties: int
    both_bad: int
    n_prompts: int
    share: Interval
    """Model a's win share."""
    n_more: int | None
    """Votes still needed if the share stays as it is; 0: it is decided. None: even `MOST_MORE` would not do."""

    @property
    def preferred(self) -> Contender | None:
        """The model that is preferred; None while that is undecided."""
        return self.a if self.n_more == 0 else None

    @property
    def n(self) -> int:
        """Votes."""
        return self.wins_a + self.wins_b + self.ties + self.both_bad


@dataclass(frozen=True)
class SideTally:
    """Whether votes follow the side on which an answer stood."""

    left: int
    right: int
    share: Interval | None
    """The left answers' share of all wins; None without a win."""

    @property
    def is_biased(self) -> bool:
        """Whether one side wins more than chance explains."""
        if self.share is None or self.left + self.right < FEWEST_GROUPS:
            return False
        return not self.share.low <= 0.5 <= self.share.high


@dataclass(frozen=True)
class Tally:
    """A user's votes, counted."""

    n: int
    pairs: list[PairTally]
    """The pair with the most votes first."""
    ranked: list[Ranked]
    """All models on one scale, the best first; empty unless more than two were voted on and votes connect them all."""
    side: SideTally
    by_source: dict[str, int]
    names: dict[str, str]
    """A name for each model's key."""


def of(user: User, *, models: Sequence[str] = (), source: str = "") -> Tally:
    """The user's votes between these models, by default all of them. Raises as `votes.between` does."""
    return count(votes.between(user, models, source))


def count(found: Sequence[Vote]) -> Tally:
    """The tally of these votes."""
    known: dict[str, Contender] = {}
    by_pair: dict[tuple[str, ...], list[Vote]] = {}
    for vote in found:
        known |= {answer.model.key: answer.model for answer in shown(vote)}
        by_pair.setdefault(tuple(sorted(votes.models_of(vote))), []).append(vote)
    pairs = [_pair([known[key] for key in keys], of_pair) for keys, of_pair in by_pair.items()]
    return Tally(
        n=len(found),
        pairs=sorted(pairs, key=lambda one: (-one.n, one.a.name, one.b.name)),
        ranked=ranking.of(found, known) if len(known) > FEWEST and ranking.is_connected(found) else [],
        side=_side(found),
        by_source=dict(Counter(vote.source for vote in found)),
        names=named_apart(list(known.values())),
    )


def _pair(models: list[Contender], found: Sequence[Vote]) -> PairTally:
    a, b = models
    credits = np.array([credit(vote) if vote.left_model == a.key else 1 - credit(vote) for vote in found])
    if credits.mean() < 0.5:
        a, b, credits = b, a, 1 - credits
    groups = np.unique([ranking.prompt_of(vote) for vote in found], return_inverse=True)[1]
    choices = Counter(vote.choice for vote in found)
    n_groups, n_told = int(groups.max()) + 1, n_effective(credits, groups)
    share = float(credits.mean())
    interval = wilson(share * n_told, n_told).model_copy(update={"value": share})
    return PairTally(
        a=a,
        b=b,
        wins_a=int((credits == 1).sum()),
        wins_b=int((credits == 0).sum()),
        ties=choices["tie"],
        both_bad=choices["both_bad"],
        n_prompts=n_groups,
        share=interval,
        n_more=_more(share, len(found), n_told, n_groups),
    )


def _more(share: float, n: int, n_told: float, n_groups: int) -> int | None:
    """How many more votes put ½ outside Wilson's interval, if the share stays: it does so once n > z² / (2s − 1)²."""
    if share == 0.5:
        return None
    needed = math.floor(Z_95**2 / (2 * share - 1) ** 2) + 1
    more = max(0, math.ceil(needed * n / n_told) - n, FEWEST_GROUPS - n_groups)
    return more if more <= MOST_MORE else None


def _side(found: Sequence[Vote]) -> SideTally:
    choices = Counter(vote.choice for vote in found)
    left, right = choices["left"], choices["right"]
    return SideTally(left, right, wilson(left, left + right) if left + right else None)
