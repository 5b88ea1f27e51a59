"""What was measured of each held-out row is kept in the rows' order."""

from __future__ import annotations

import numpy as np

from storage.runs import paired
from tests.workers.evaluation.sides import labels, side
from workers.evaluation import row_outcomes, verdict
from workers.evaluation.scoring import Answer, Scores


def scores(right: int, n: int = 30, answered: int = 24) -> Scores:
    given = labels(n)
    answers = tuple(
        Answer(i, f"prompt {i}", given[i], given[i] if i < right else "dunno", ended=True) for i in range(answered)
    )
    prefers = np.array([np.nan, *range(1, n)], np.float64)
    return Scores(tuple(range(1, n + 1)), np.arange(n, dtype=np.float64), np.full(n, 4), prefers, answers=answers)


def test_outcomes_say_what_the_scores_say() -> None:
    rows = [{"text": f"prompt {i}", "label": label} for i, label in enumerate(labels(30))]
    found = row_outcomes.of(scores(10), rows, "classification", side(labels(30)))
    assert found.row == list(range(1, 31))
    assert found.right == [i < 10 for i in range(24)] + [None] * 6
    assert found.nll[7] == 7.0
    assert found.prefers[:2] == [None, 1.0]
    assert found.similarity == [None] * 30, "labels have no similarity"
    other = row_outcomes.of(scores(10), [{**rows[0], "text": "another"}, *rows[1:]], "classification", side(labels(30)))
    assert other.side != found.side


def test_the_paired_difference_is_the_verdicts() -> None:
    """The same numbers as if the two models had been judged against each other in one evaluation."""
    rows = [{"text": f"prompt {i}", "label": label} for i, label in enumerate(labels(30))]
    one, other, held_out = scores(5), scores(20), side(labels(30))
    judged = verdict.judge(one, other, "classification", held_out).metrics["label_accuracy"]
    stored = [row_outcomes.of(each, rows, "classification", held_out) for each in (one, other)]
    found = paired.compare("label_accuracy", *stored)
    assert found is not None
    assert (found.reference, found.run, found.difference) == (judged.base, judged.adapted, judged.difference)
