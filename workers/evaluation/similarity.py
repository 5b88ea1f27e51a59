"""How similar answers are to the expected ones: chrF, from sacrebleu.

chrF is the F-score of shared character n-grams, recall weighted twice (Popović 2015, “chrF: character n-gram
F-score for automatic MT evaluation”). It needs no word boundaries, so it works in any script. It sees
wording, not truth: a wrong number in the right sentence costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from sacrebleu.metrics.chrf import CHRF

from storage.runs.bootstrap import Floats
from workers.evaluation.scoring import Answer


@cache
def _chrf() -> CHRF:
    return CHRF()


def chrf(given: Sequence[str], expected: Sequence[str]) -> Floats:
    """Each answer's similarity to the expected one, between 0 and 1, `(n_answers,)`; equal texts have 1."""
    scores = (
        1.0 if one == other else _chrf().sentence_score(one, [other]).score / 100
        for one, other in zip(given, expected, strict=True)
    )
    return np.fromiter(scores, np.float64, len(given))


def of_answers(answers: Sequence[Answer]) -> Floats:
    """The similarity of a model's answers to the expected ones."""
    return chrf([answer.given for answer in answers], [answer.expected for answer in answers])
