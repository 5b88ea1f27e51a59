"""Two results on the same held-out rows: their difference with its interval, from the rows' stored outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from storage.planning.detectable import FEWEST_GROUPS
from storage.runs.bootstrap import Floats, Groups, Interval, Pair, paired_means, paired_shares, renumbered
from storage.runs.row_outcomes import RIGHT_ANSWERS, RowOutcomes

Outcome = Literal["better", "worse", "cant_tell"]
LOWER_IS_BETTER = ("loss",)
COLUMNS = {**dict.fromkeys(RIGHT_ANSWERS, "right"), "chrf": "similarity", "preference_accuracy": "prefers"}
"""Metric → the column of outcomes that it is the mean of."""


@dataclass(frozen=True)
class Difference:
    """One run against another on one metric; `difference` is run minus reference."""

    metric: str
    n_rows: int
    """Rows on which both were measured."""
    n_groups: int
    reference: Interval
    run: Interval
    difference: Interval

    @property
    def outcome(self) -> Outcome:
        """What the interval of the difference allows to say."""
        low, high = self.difference.low, self.difference.high
        if self.metric in LOWER_IS_BETTER:
            low, high = -high, -low
        if self.n_groups < FEWEST_GROUPS or low <= 0 <= high:
            return "cant_tell"
        return "better" if low > 0 else "worse"


def compare(metric: str, reference: RowOutcomes, run: RowOutcomes) -> Difference | None:
    """The difference on rows that both were measured on; None if there are none. Both must have the same rows.

    A loss can't be compared unless both models scored the same tokens.
    """
    groups = np.array(reference.group, np.intp)
    if metric == "loss":
        tokens = np.array(reference.n_tokens, np.float64)
        scored = tokens > 0
        if reference.n_tokens != run.n_tokens or not scored.any():
            return None
        of_reference, of_run = (np.array(one.nll, np.float64)[scored] for one in (reference, run))
        those = renumbered(groups[scored])
        return _told(metric, paired_means(of_reference, of_run, tokens[scored], groups=those), those)
    columns = [_column(one, metric) for one in (reference, run)]
    both = np.isfinite(columns[0]) & np.isfinite(columns[1])
    if not both.any():
        return None
    those = renumbered(groups[both])
    return _told(metric, _pair(metric, columns[0][both], columns[1][both], those), those)


def _column(outcomes: RowOutcomes, metric: str) -> Floats:
    """The metric's value on each row; NaN where there is none."""
    values: list[Any] = getattr(outcomes, COLUMNS[metric])
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)


def _pair(metric: str, reference: Floats, run: Floats, groups: Groups) -> Pair:
    if metric == "chrf":
        return paired_means(reference, run, np.ones(len(run)), groups=groups)
    return paired_shares(reference > 0, run > 0, groups=groups)


def _told(metric: str, pair: Pair, groups: Groups) -> Difference:
    return Difference(metric, len(groups), len(np.unique(groups)), pair.base, pair.adapted, pair.difference)
