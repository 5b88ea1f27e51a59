"""What a verdict says where the trivial answer is as good as an answer can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.workers.evaluation.sides import side
from workers.evaluation import verdict
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.verdict_document import Verdict


def scores(expected: Sequence[str], given: Sequence[str], loss: float) -> Scores:
    """A model with these answers."""
    n = len(expected)
    noise = np.random.default_rng(0).normal(0, 0.2, n)
    answers = tuple(
        Answer(i, f"prompt {i}", *pair, ended=True) for i, pair in enumerate(zip(expected, given, strict=True))
    )
    return Scores(tuple(range(1, n + 1)), (loss + noise) * 4, np.full(n, 4), answers=answers)


def judged(shape: str, expected: Sequence[str], base: Sequence[str], adapted: Sequence[str]) -> Verdict:
    """The verdict on a model whose loss fell."""
    return verdict.judge(scores(expected, base, 2.0), scores(expected, adapted, 0.5), shape, side(expected, shape))


@pytest.mark.parametrize("answer", ["Thank you for writing to us.", "yes", ""])
@pytest.mark.parametrize("shape", ["classification", "prompt_completion"])
def test_one_answer_for_all_rows_is_learned_but_no_better_than_always_giving_it(shape: str, answer: str) -> None:
    found = judged(shape, [answer] * 200, ["dunno"] * 200, [answer] * 200)
    assert (found.verdict, found.claim) == ("not_better", f"Not better than always answering “{answer}”")
    assert "All held-out rows that were answered have the same answer" in str(found.what_would_help)
    before = judged(shape, [answer] * 200, [answer] * 200, [answer] * 200)
    assert (before.verdict, before.claim) == ("not_better", "Not better")


def test_more_right_answers_than_the_base_are_not_called_unusable() -> None:
    expected = ["yes"] * 60 + ["no"] * 40
    found = judged("prompt_completion", expected, ["dunno"] * 100, ["yes"] * 55 + ["no"] * 45)
    assert found.verdict == "better"
    mixed = judged("prompt_completion", expected, ["dunno"] * 100, (["yes"] * 3 + ["no"] * 2) * 20)
    assert mixed.verdict != "lower_loss"
    assert "usable" not in mixed.sentence
