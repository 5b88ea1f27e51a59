"""Checked answers: what takes too long doesn't pass, and is counted."""

from __future__ import annotations

from collections import Counter

import numpy as np

from templates import registry
from templates.rewards import HEADLINE
from workers.evaluation.scoring import Answer, Scores
from workers.rewards import checked

RUNS_AWAY = "xy" * 40 + "q"


def test_an_answer_on_which_a_check_takes_too_long_does_not_pass_it() -> None:
    params = registry.objective("grpo").params(verifiers=["regular_expression", "length"], pattern=r"^(xy|x|y)+$")
    picked = params.picked  # type: ignore[attr-defined]
    slow = Counter[str]()
    assert checked.passed(picked, "xyx", "", slow=slow) == [True, True]
    assert slow == {}
    assert checked.passed(picked, RUNS_AWAY, "", slow=slow) == [False, True]
    assert slow == {"regular_expression": 1}
    answers = tuple(Answer(i, "p", "", text, ended=True) for i, text in enumerate((RUNS_AWAY, "xy")))
    found = Scores((1, 2), np.zeros(2), np.ones(2, np.int64), answers=answers)
    told = checked.scores(params, found)
    assert told.n_too_slow == 1
    assert checked.shares(picked, [one.passed for one in told.answers])[HEADLINE].tolist() == [0.5, 1.0]
