"""Whose answers are nearer to what people chose: a win rate over another model, on held-out prompts.

Nobody judges the answers here, and the preference that was learned can't judge itself. What can be measured is the
text: an answer wins if it is more like the chosen answer than the other model's is, and no nearer to the rejected one.
So a model that only repeats what chosen answers have in common does not win: it is less like each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from storage.runs.bootstrap import Floats, Groups, Interval, Pair, n_effective, paired_means, renumbered, wilson
from workers.evaluation import equal_length
from workers.evaluation.scoring import Answer
from workers.evaluation.similarity import chrf

SAME = 1e-9
HOW = (
    "An answer wins if it is more like the chosen answer, and no nearer to the rejected one, than the other model's; "
    "otherwise it loses, or ties. This compares texts (chrF): nobody has judged the answers."
)


class Wins(BaseModel):
    """The adapted model's answers against another model's, on the same prompts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    won: int
    tied: int
    rate: Interval
    """Wins, and half of the ties."""
    at_equal_length: Interval | None
    """The rate if both models' answers were equally long; None if too few are."""
    length: Pair
    """Characters of an answer, with the other model's as `base`."""

    @property
    def lost(self) -> int:
        """Prompts on which the other model's answer wins."""
        return self.n - self.won - self.tied


def of(pairs: Sequence[tuple[Answer, Answer]], rejected: Sequence[str | None], groups: Groups) -> Wins | None:
    """The wins of each pair's second answer; `rejected` and `groups` are of all held-out rows. None without pairs."""
    if not rejected:
        return None
    known = [(one, other, bad) for one, other in pairs if (bad := rejected[one.index]) is not None]
    if not known:
        return None
    before, after = [one for one, _, _ in known], [other for _, other, _ in known]
    score = _scored(before, after, [text for _, _, text in known])
    return counted(score, before, after, renumbered(groups[[one.index for one in before]]))


def counted(score: Floats, before: Sequence[Answer], after: Sequence[Answer], groups: Groups) -> Wins:
    """The document, given each prompt's win (1), tie (½) or loss (0)."""
    first, second = (np.array([len(one.given) for one in side], np.float64) for side in (before, after))
    n = n_effective(score, groups)
    value = float(score.mean())
    return Wins(
        n=len(score),
        won=int((score == 1).sum()),
        tied=int((score == 0.5).sum()),
        rate=wilson(value * n, n).model_copy(update={"value": value}),
        at_equal_length=equal_length.rate(score, second - first, groups),
        length=paired_means(first, second, np.ones(len(score)), groups=groups),
    )


def _scored(before: Sequence[Answer], after: Sequence[Answer], rejected: Sequence[str]) -> Floats:
    likeness, lead = [], []
    for side in (before, after):
        given = [one.given for one in side]
        to_chosen = chrf(given, [one.expected for one in side])
        likeness.append(to_chosen)
        lead.append(to_chosen - chrf(given, rejected))
    nearer, further = likeness[1] - likeness[0], lead[1] - lead[0]
    won = (nearer > SAME) & (further > -SAME)
    lost = (nearer < -SAME) & (further < SAME)
    found: Floats = np.where(won, 1.0, np.where(lost, 0.0, 0.5))
    return found
