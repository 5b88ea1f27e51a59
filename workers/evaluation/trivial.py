"""Scores the trivial answer of a held-out side, and compares the adapted model with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from storage.runs.bootstrap import Floats, Pair, paired_means, paired_shares, renumbered
from workers.evaluation import ranking
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.sentences import JUDGED, JUDGEMENT, PREFERENCE, RIGHT_ANSWERS, SIMILARITY
from workers.evaluation.similarity import chrf, of_answers
from workers.evaluation.verdict_document import TrivialScore
from workers.rewards.checked import Checks


def score(
    pairs: Sequence[tuple[Answer, Answer]],
    adapted: Scores,
    told: Any,
    decides: str,
    metrics: Mapping[str, Pair],
    side: HeldOutSide,
    judged: Floats | None = None,
    checks: Checks | None = None,
) -> TrivialScore | None:
    """The trivial answer's scores, and the adapted model's lead on the deciding metric.

    `judged` are the adapted model's values behind `JUDGEMENT`, of the rows that are `told`; `checks` those
    that decide.
    """
    rule, groups = side.pair_rule if decides in JUDGED else side.trivial, side.grouping.groups
    if rule is None:
        return None
    against: dict[str, Pair] = {}
    if pairs and rule.answer is not None:
        those = renumbered(groups[[of_base.index for of_base, _ in pairs]])
        expected = [of_base.expected for of_base, _ in pairs]
        mine = [of_adapted for _, of_adapted in pairs]
        right = np.array([rule.answer == text for text in expected])
        own = paired_shares(right, np.array([answer.right for answer in mine]), groups=those)
        against |= {name: own for name in RIGHT_ANSWERS if name in metrics}
        if SIMILARITY in metrics:
            alike = chrf([rule.answer] * len(expected), expected)
            against[SIMILARITY] = paired_means(alike, of_answers(mine), np.ones(len(pairs)), groups=those)
        if checks:
            against |= checks.beside_always(rule.answer, pairs, those)
    if PREFERENCE in metrics and rule.prefers_right is not None and adapted.prefers is not None:
        against[PREFERENCE] = paired_shares(
            rule.prefers_right[told] > 0, adapted.prefers[told] > 0, groups=renumbered(groups[told])
        )
    if judged is not None and rule.favours is not None and adapted.good is not None:
        own_values = ranking.values(rule.favours[told], adapted.good[told])
        those = renumbered(groups[told])
        against[JUDGEMENT] = paired_means(own_values, judged, np.ones(len(judged)), groups=those)
    difference = against[decides].difference if decides in against else None
    return TrivialScore(
        words=rule.words,
        answer=rule.answer,
        metrics={name: pair.base for name, pair in against.items()},
        difference=difference,
        beaten=difference.low > 0 if difference else None,
    )
