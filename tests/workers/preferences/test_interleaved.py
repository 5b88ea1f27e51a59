"""The order of single judgements: both kinds in every step, every answer once in each pass, decided by the seed."""

from __future__ import annotations

import pytest

from templates.objectives.kto import KtoParams
from workers.preferences.interleaved import Interleaved, spread
from workers.preferences.token_rows import Judged
from workers.training.batches import Example


def judged(n_good: int, n_bad: int) -> list[Judged]:
    return [
        Judged(n, Example([1] * (2 + n % 7), [False] + [True] * (1 + n % 7)), n < n_good) for n in range(n_good + n_bad)
    ]


@pytest.mark.parametrize(("n_good", "n_bad"), [(40, 40), (60, 20), (20, 60)])
def test_every_step_has_both_kinds_in_the_datas_proportion(n_good: int, n_bad: int) -> None:
    schedule = Interleaved(judged(n_good, n_bad), KtoParams(num_train_epochs=3.0))
    share = n_good / (n_good + n_bad)
    for step in range(len(schedule)):
        batch = schedule[step]
        assert sum(one.wanted for one in batch) == pytest.approx(share * len(batch), abs=1)


@pytest.mark.parametrize("n", [5, 9, 33, 80])
def test_every_answer_comes_up_once_in_each_pass(n: int) -> None:
    answers = judged(n // 2, n - n // 2)
    schedule = Interleaved(answers, KtoParams(num_train_epochs=2.0))
    per_pass = schedule.per_epoch
    for start in (0, per_pass):
        seen = [one.row for step in range(start, start + per_pass) for one in schedule[step]]
        assert sorted(seen) == list(range(n))
    if n > 9:
        assert [one.row for one in schedule[0]] != [one.row for one in schedule[per_pass]]
    again = Interleaved(answers, KtoParams(num_train_epochs=2.0))
    assert [one.row for one in again[per_pass]] == [one.row for one in schedule[per_pass]], "as after a restart"


def test_rows_of_one_kind_stay_as_they_are() -> None:
    assert spread([3, 1, 2], judged(5, 0)) == [3, 1, 2]
    assert spread([0, 1, 2, 3], judged(2, 2)) == [0, 2, 1, 3]
