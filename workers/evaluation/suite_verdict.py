"""A model's general abilities, and what it lost or gained against another: shares with intervals.

Each ability counts once in a mean, by the mean of its scores; items are resampled within abilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from storage.gallery.suite_table import words
from storage.gallery.suites import PHRASINGS
from storage.runs.bootstrap import Floats, Interval, Pair, paired_shares, paired_strata, strata_mean, wilson
from workers.evaluation.sentences import SAME_WITHIN_SHARE, percent
from workers.evaluation.suite import Bools, SuiteScores


class Share(Interval):
    """A share of `n` items."""

    n: int


class SuiteVerdict(BaseModel):
    """One model against another on the same items, both phrasings together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    abilities: dict[str, Pair]
    """By score; `difference` is adapted minus base."""
    mean: Pair
    sentence: str


def summary(scores: SuiteScores) -> dict[str, Any]:
    """One model's scores, their means, and counts of items that failed without a wrong answer."""
    return {
        "abilities": {
            name: {phrasing: share.model_dump() for phrasing, share in shares.items()}
            for name, shares in alone(scores).items()
        },
        "mean": {phrasing: interval.model_dump() for phrasing, interval in means(scores).items()},
        "n_too_long": scores.n_too_long,
        "n_refused": scores.n_refused,
        "n_cut_off": scores.n_cut_off,
    }


def alone(scores: SuiteScores) -> dict[str, dict[str, Share]]:
    """Each score in each phrasing that has items, compared with nothing."""
    return {
        name: {phrasing: _share(right) for phrasing, right in phrasings.items() if len(right)}
        for name, phrasings in scores.right.items()
    }


def _share(right: Bools) -> Share:
    return Share(**wilson(int(right.sum()), len(right)).model_dump(), n=len(right))


def means(scores: SuiteScores) -> dict[str, Interval]:
    """The mean over abilities in each phrasing that has items."""
    strata = {phrasing: _strata(scores, (phrasing,)) for phrasing in PHRASINGS}
    return {phrasing: strata_mean(found) for phrasing, found in strata.items() if found}


def judge(base: SuiteScores, adapted: SuiteScores, against: str | None = None) -> SuiteVerdict:
    """Compare two models on the same items.

    `against` names the first model if the second was not made from it; the sentence then says "above"
    or "below", not "lost" or "gained". Raises `ValueError` if the items differ.
    """
    if base.suite.sha256 != adapted.suite.sha256:
        raise ValueError("the two models were scored on different items")
    abilities = {name: paired_shares(_pooled(base, name), _pooled(adapted, name)) for name in base.right}
    mean = paired_strata(_strata(base, PHRASINGS), _strata(adapted, PHRASINGS))
    return SuiteVerdict(abilities=abilities, mean=mean, sentence=_sentence(mean, abilities, against))


def _pooled(scores: SuiteScores, name: str) -> Bools:
    return np.concatenate([scores.right[name][phrasing] for phrasing in PHRASINGS])


def _strata(scores: SuiteScores, phrasings: tuple[str, ...]) -> list[Floats]:
    found = [
        np.concatenate([scores.of_ability(ability, phrasing) for phrasing in phrasings])
        for ability in scores.suite.abilities
    ]
    return [shares for shares in found if len(shares)]


def _sentence(mean: Pair, abilities: dict[str, Pair], against: str | None) -> str:
    change = mean.difference
    lost, other = change.high < 0, f" {against} in general abilities"
    if lost or change.low > 0:
        amount = _points(change, lost)
        if against:
            said = f"{amount} {'below' if lost else 'above'}{other}"
        else:
            said = f"Lost {amount} of its general abilities" if lost else f"Gained {amount} in general abilities"
        return f"{said}{_most(abilities, -1 if lost else 1)}."
    if max(-change.low, change.high) <= SAME_WITHIN_SHARE:
        said = f"As good as{other}" if against else "Kept its general abilities"
    else:
        said = f"Can't tell it from{other}" if against else "Can't tell whether its general abilities changed"
    shares = f"{percent(mean.adapted.value)} % against {percent(mean.base.value)} %"
    digits = _digits(change)
    value, low, high = (_signed(x, digits) for x in (change.value, change.low, change.high))
    return f"{said}: {shares} ({value} [{low}, {high}] points){_most(abilities, -1, SAME_WITHIN_SHARE)}."


def _most(abilities: dict[str, Pair], sign: int, more_than: float = 0.0) -> str:
    """The ability with the largest significant change in the direction of `sign`; empty if none."""
    sure = {
        name: pair.difference.value
        for name, pair in abilities.items()
        if min(sign * pair.difference.low, sign * pair.difference.high) > more_than
    }
    if not sure:
        return ""
    name = max(sure, key=lambda found: sign * sure[found])
    opening = ", but less" if more_than else ", most"
    return f"{opening} in {words(name)} ({_signed(sure[name])})"


def _signed(difference: float, digits: int = 0) -> str:
    shown = f"{100 * difference:+.{digits}f}"
    return shown.replace("-", "−") if float(shown) else shown[1:]


def _digits(change: Interval) -> int:
    """One digit if whole points would hide the value and its interval is narrow enough."""
    return 1 if abs(change.value) < 0.02 and change.high - change.low < 0.02 else 0


def _points(change: Interval, lost: bool) -> str:
    """Points gained or lost, as a positive number with its interval."""
    value, low, high = (-change.value, -change.high, -change.low) if lost else (change.value, change.low, change.high)
    shown = [f"{100 * x:.{_digits(change)}f}" for x in (value, low, high)]
    return f"{shown[0]} {'point' if shown[0] in ('1', '1.0') else 'points'} [{shown[1]}, {shown[2]}]"
