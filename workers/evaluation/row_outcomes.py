"""One model's outcome on every held-out row, in the form that is stored with the artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from storage.runs import row_outcomes
from storage.runs.row_outcomes import RowOutcomes
from templates import registry
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.scoring import Scores
from workers.evaluation.sentences import SIMILARITY
from workers.evaluation.similarity import of_answers


def of(scores: Scores, rows: Sequence[Mapping[str, Any]], shape: str, side: HeldOutSide) -> RowOutcomes:
    """The outcomes of `scores` on the held-out `rows`."""
    n = len(rows)
    right: list[bool | None] = [None] * n
    similarity: list[float | None] = [None] * n
    for answer in scores.answers:
        right[answer.index] = answer.right
    if scores.answers and SIMILARITY in registry.shape(shape).metrics:
        for answer, alike in zip(scores.answers, of_answers(scores.answers).tolist(), strict=True):
            similarity[answer.index] = alike
    prefers = np.full(n, np.nan) if scores.prefers is None else scores.prefers
    return RowOutcomes(
        side=row_outcomes.side_of(rows, shape),
        row=list(scores.source_rows),
        group=side.grouping.groups.tolist(),
        n_tokens=scores.n_tokens.tolist(),
        nll=scores.nll.tolist(),
        right=right,
        similarity=similarity,
        prefers=[float(value) if np.isfinite(value) else None for value in prefers],
    )
