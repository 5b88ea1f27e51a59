"""How much of a teacher's lead a student kept, with an interval from the same rows for all three."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sides import side

from workers.evaluation import teacher_line
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.teacher_line import Sizes

N = 200
SIZES = Sizes("small", 6_000_000, 2_000_000, teacher_s=0.03, student_s=0.012)


def scores(share_right: float, loss: float = 1.0, seed: int = 0) -> Scores:
    generator = np.random.default_rng(seed)
    right = generator.permutation(N) < share_right * N
    answers = tuple(Answer(i, "?", "refund", "refund" if right[i] else "other", ended=True) for i in range(N))
    nll = 2 * loss * generator.uniform(0.9, 1.1, N)
    return Scores(tuple(range(N)), nll, np.full(N, 2), answers=answers)


def line(teacher: Scores, before: Scores, after: Scores, decides: str = "label_accuracy") -> teacher_line.TeacherLine:
    return teacher_line.of(SIZES, (teacher, before, after), "classification", side(["refund"] * N), decides)


def test_the_share_of_the_lead() -> None:
    found = line(scores(0.9), scores(0.1, seed=1), scores(0.74, seed=2))
    assert found.kept
    assert found.kept.value == pytest.approx(0.8)
    assert 0.65 < found.kept.low < 0.78 < 0.82 < found.kept.high < 0.95
    assert found.times_larger == pytest.approx(3.0)
    assert found.sentence.startswith("It kept 80 % [")
    assert "“small”" in found.sentence
    assert found.times_slower == pytest.approx(2.5)
    assert "which is 3.0 times as large and takes 2.5 times as long to read a text" in found.sentence
    assert found.metrics["label_accuracy"].base.value == pytest.approx(0.9)


def test_a_copy_of_its_teacher_has_no_lead_to_keep() -> None:
    sizes = replace(SIZES, is_before=True)
    same = scores(0.9)
    found = teacher_line.of(
        sizes, (same, same, scores(0.7, seed=2)), "classification", side(["refund"] * N), "label_accuracy"
    )
    assert found.kept is None
    assert found.sentence.startswith("It is a smaller copy of its teacher “small”")


def test_a_student_may_lose_or_pass_its_teacher() -> None:
    worse = line(scores(0.9), scores(0.5, seed=1), scores(0.4, seed=2)).kept
    better = line(scores(0.6), scores(0.2, seed=1), scores(0.8, seed=2)).kept
    assert worse
    assert worse.value < 0
    assert better
    assert better.value > 1


def test_there_is_nothing_to_keep_without_a_sure_lead() -> None:
    found = line(scores(0.52), scores(0.5, seed=1), scores(0.9, seed=2))
    assert found.kept is None
    assert "no lead to keep" in found.sentence
    assert line(scores(0.2), scores(0.8, seed=1), scores(0.9, seed=2)).kept is None


def test_a_loss_leads_downwards() -> None:
    found = line(scores(0, 1.0), scores(0, 3.0), scores(0, 2.0), "loss")
    assert found.kept
    assert found.kept.value == pytest.approx(0.5, abs=0.01)
    assert line(scores(0, 3.0), scores(0, 1.0), scores(0, 2.0), "loss").kept is None
