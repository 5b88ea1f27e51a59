"""An objective's own metrics in a verdict: one value per held-out row for the base and for the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict
from transformers import PreTrainedModel

from storage.runs.bootstrap import Floats, Groups, Interval, paired_means, renumbered
from templates.metrics import Metric
from workers.evaluation.scoring import Scores

MARGIN = Metric("preference_margin", "Log likelihood of the chosen answer less that of the rejected one", "nats")
RowValues = Mapping[str, Floats]
"""For each metric one value per held-out row, `(n_rows,)`; NaN where a row has none."""
Measuring = Callable[[PreTrainedModel, Callable[[], bool]], RowValues]
"""Measures a model on the held-out rows. Raises `Interrupted` once told to stop."""


class Measure(BaseModel):
    """The means over the rows on which both models were measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    unit: str = ""
    higher_is_better: bool = True
    base: float
    adapted: float
    n: int
    """Number of rows with a value from both."""
    interval: Interval
    """Adapted minus base, with its 95 % interval."""
    better: bool | None
    """Whether the result is significantly better than the base; None if the data can't tell."""


def compare(
    metrics: Sequence[Metric], base: RowValues, adapted: RowValues, groups: Groups | None = None
) -> dict[str, Measure]:
    """The declared metrics with a better and a worse, by key, that both models have a value for on at least one row.

    Rows with the same number in `groups`, `(n_rows,)`, are resampled together.
    """
    found: dict[str, Measure] = {}
    for metric in metrics:
        if metric.higher_is_better is not None and metric.key in base and metric.key in adapted:
            one, other = (np.asarray(values[metric.key], np.float64) for values in (base, adapted))
            both = np.isfinite(one) & np.isfinite(other)
            if both.any():
                those = None if groups is None else renumbered(groups[both])
                found[metric.key] = _measure(metric, one[both], other[both], those)
    return found


def margins(before: Scores, after: Scores, groups: Groups | None = None) -> dict[str, Measure]:
    """How much likelier the chosen answers are than the rejected ones, where rows are pairs."""
    if before.prefers is None or after.prefers is None:
        return {}
    return compare((MARGIN,), {MARGIN.key: before.prefers}, {MARGIN.key: after.prefers}, groups)


def _measure(metric: Metric, base: Floats, adapted: Floats, groups: Groups | None) -> Measure:
    pair = paired_means(base, adapted, np.ones(len(base)), groups=groups)
    low, high = sorted(
        (1 if metric.higher_is_better else -1) * end for end in (pair.difference.low, pair.difference.high)
    )
    return Measure(
        title=metric.title,
        unit=metric.unit,
        higher_is_better=bool(metric.higher_is_better),
        base=pair.base.value,
        adapted=pair.adapted.value,
        n=len(base),
        interval=pair.difference,
        better=True if low > 0 else False if high < 0 else None,
    )
