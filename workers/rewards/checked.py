"""Checks answers: which of the picked checks each one passes, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from storage.runs.bootstrap import Floats
from templates.rewards import HEADLINE, Picked, metric_of


def passed(picked: Sequence[Picked], answer: str, reference: str, *, ended: bool) -> list[bool]:
    """Whether the answer passes each check; one that was cut off passes none."""
    return [ended and one.verifier.passes(answer, reference, one.settings) for one in picked]


def shares(picked: Sequence[Picked], found: Sequence[Sequence[bool]]) -> dict[str, Floats]:
    """For each check, and for all of them by their weights: what each answer passes, `(n_answers,)`, from 0 to 1."""
    table = np.array(found, np.float64).reshape(len(found), len(picked))
    weights = np.array([one.weight for one in picked])
    each = {metric_of(one.key): table[:, place] for place, one in enumerate(picked)}
    return {HEADLINE: table @ (weights / weights.sum()), **each}
