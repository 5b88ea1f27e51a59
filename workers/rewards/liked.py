"""What a verdict says of answers that a reward model rewarded: whether it likes them better, and how long they are.

The score is what the training raised, so it can't show that people like the answers better.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from storage.runs.bootstrap import Floats, Groups, Interval, Pair, paired_means
from templates.quantities import plural
from workers.evaluation import wins
from workers.evaluation.scoring import Answer
from workers.evaluation.wins import Wins
from workers.preferences.reward_model import tied

Answers = Sequence[tuple[Answer, Answer]]
"""The two models' answers to the same rows."""
HALF = Interval(value=0.5, low=0.5, high=0.5)


class Liked(BaseModel):
    """The result's answers and those of the model before, as a reward model scores them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """The reward model's."""
    pair_accuracy: Interval | None
    """The share of held-out pairs that it ranks right, from its own verdict; None if that is unknown."""
    score: Pair
    """Mean scores."""
    wins: Wins
    """On how many prompts the result's answer scores higher."""
    sentence: str


def wins_of(pairs: Answers, groups: Groups) -> Wins:
    """How often the second answer of a pair scores higher; `groups` are those of the pairs.

    Equal texts tie, and scores that differ by no more than padding changes them.
    """
    before, after = zip(*pairs, strict=True)
    differs = np.array([one.given != other.given for one, other in pairs])
    first, second = _scores(before), _scores(after)
    score = (np.sign(second - first) * (differs & ~tied(first, second)) + 1) / 2
    return wins.counted(score, before, after, groups)


def against_half(found: Wins) -> Pair:
    """The rate beside one half, which the model before has by definition."""
    rate = found.rate
    lead = Interval(value=rate.value - 0.5, low=rate.low - 0.5, high=rate.high - 0.5)
    return Pair(base=HALF, adapted=rate, difference=lead)


def of(name: str, accuracy: Interval | None, pairs: Answers, groups: Groups, against: str) -> Liked | None:
    """The document; None without answers. `against` names the model before."""
    if not pairs:
        return None
    before, after = zip(*pairs, strict=True)
    found = wins_of(pairs, groups)
    score = paired_means(_scores(before), _scores(after), np.ones(len(pairs)), groups=groups)
    said = _sentence(name, accuracy, found, score, against)
    return Liked(name=name, pair_accuracy=accuracy, score=score, wins=found, sentence=said)


def _scores(answers: Sequence[Answer]) -> Floats:
    return np.array([one.score for one in answers], np.float64)


def _sentence(name: str, accuracy: Interval | None, found: Wins, score: Pair, against: str) -> str:
    told = [
        f"On average, “{name}” gives the new answers {_number(score.adapted)}, and those of {against} "
        f"{_number(score.base)}; of {plural(found.n, 'prompt')}, the new answer scores higher on {found.won:,} and "
        f"lower on {found.lost:,}.",
        f"The new answers have {found.length.adapted.value:.0f} characters on average; those of {against}, "
        f"{found.length.base.value:.0f}.",
        "This score is what the training raised: it shows that the model does what the reward model likes, not that "
        "people like it. Let people compare the answers blind and vote.",
    ]
    if accuracy:
        told.append(
            f"In its own verdict, “{name}” ranks {100 * accuracy.value:.0f} % [{100 * accuracy.low:.0f}, "
            f"{100 * accuracy.high:.0f}] of held-out pairs right."
        )
    else:
        told.append(f"How often “{name}” ranks pairs right is not known.")
    return " ".join(told)


def _number(found: Interval) -> str:
    value, low, high = (f"{one:.2f}".replace("-", "−") for one in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"
