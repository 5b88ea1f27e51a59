"""Runs are compared in pairs on the same rows, or it is said why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from storage import db
from storage.data import datasets
from storage.gallery import artifacts
from storage.models import Dataset, Job, JobState, User
from storage.planning import evaluations
from storage.runs import candidates, comparison, row_outcomes
from templates.errors import BadInput, NotFound
from tests.storage.runs.conftest import N_HELD_OUT, ROWS, Ended, outcomes, verdict


def compared(user: User, *found: Job) -> comparison.Comparison:
    return comparison.compare(user, [job.id for job in found])


def test_a_clear_difference_is_told_with_its_paired_interval(studio: User, tickets: Dataset, ended: Ended) -> None:
    one, other = ended("weak", tickets, 10), ended("strong", tickets, 34, nll=0.5)
    (against,) = compared(studio, one, other).against_first
    accuracy, loss = against.differences
    assert (accuracy.metric, accuracy.n_rows, accuracy.outcome) == ("label_accuracy", N_HELD_OUT, "better")
    assert accuracy.difference.value == pytest.approx(0.6)
    assert 0.3 < accuracy.difference.low < 0.6 < accuracy.difference.high < 0.8
    assert loss.metric == "loss"
    assert loss.difference.value == pytest.approx(-0.5)
    assert loss.outcome == "better", "a lower loss is better"
    (back,) = compared(studio, other, one).against_first
    assert [each.outcome for each in back.differences] == ["worse", "worse"]


def test_a_difference_whose_interval_includes_zero_cant_be_told(studio: User, tickets: Dataset, ended: Ended) -> None:
    found = compared(studio, ended("one", tickets, 20), ended("two", tickets, 22), ended("three", tickets, 20))
    accuracy = [one.differences[0] for one in found.against_first]
    assert [each.outcome for each in accuracy] == ["cant_tell", "cant_tell"]
    assert accuracy[0].difference.low <= 0 <= accuracy[0].difference.high
    assert accuracy[1].difference.low < 0 < accuracy[1].difference.high, "equal answers don't prove equal models"


def test_the_best_of_several_is_called_flattered(studio: User, tickets: Dataset, ended: Ended) -> None:
    remark = compared(studio, *[ended(f"run{i}", tickets, 20 + i) for i in range(3)]).remarks[0]
    assert remark.startswith("The best of 3 runs is flattered")
    assert "not corrected" in remark


def test_pairing_beats_the_two_intervals_on_their_own(studio: User, tickets: Dataset, ended: Ended) -> None:
    """The same rows right, and nine more: the separate intervals overlap, the paired one is clear of zero."""
    (against,) = compared(studio, ended("one", tickets, 18), ended("two", tickets, 27)).against_first
    assert against.differences[0].reference.high > against.differences[0].run.low
    assert against.differences[0].outcome == "better"


def test_rows_of_one_group_count_once(studio: User, tickets: Dataset, ended: Ended) -> None:
    from storage.runs import paired

    rows = [outcomes(tickets, [i < n for i in range(N_HELD_OUT)]) for n in (18, 27)]
    grouped = [one.model_copy(update={"group": [i // 9 for i in range(N_HELD_OUT)]}) for one in rows]
    found = paired.compare("label_accuracy", *grouped)
    assert found is not None
    assert (found.n_groups, found.outcome) == (5, "cant_tell")


def test_other_held_out_rows_are_not_paired(
    studio: User, tickets: Dataset, ended: Ended, store_dataset: Callable[..., Dataset]
) -> None:
    others = store_dataset("others", "classification", [{**row, "text": f"{row['text']}!"} for row in ROWS], N_HELD_OUT)
    (against,) = compared(studio, ended("one", tickets, 10), ended("two", others, 30)).against_first
    assert against.differences == []
    assert against.why_not is not None
    assert "different held-out rows" in against.why_not


def test_a_version_with_the_same_held_out_rows_is_paired(
    studio: User, tickets: Dataset, ended: Ended, store_dataset: Callable[..., Dataset]
) -> None:
    smaller = store_dataset("smaller", "classification", ROWS[10:], N_HELD_OUT)
    assert smaller.sha256 != tickets.sha256
    (against,) = compared(studio, ended("one", tickets, 10), ended("two", smaller, 30)).against_first
    assert against.why_not is None
    assert against.differences[0].outcome == "better"


def test_runs_without_a_verdict_or_a_result_say_so(studio: User, tickets: Dataset, ended: Ended) -> None:
    good, failed, gone = ended("good", tickets, 30), ended("failed", tickets, 20), ended("gone", tickets, 20)
    with db.writing() as session:
        row = session.get_one(Job, failed.id)
        row.state, row.result, row.artifact_id = JobState.FAILED, None, None
    artifacts.delete(studio, "gone")
    found = compared(studio, good, failed, gone)
    assert [one.why_not for one in found.against_first] == [
        "“failed” has no verdict: it failed.",
        "The result of “gone” was deleted, and with it the outcome of each row.",
    ]
    assert all(one.differences == [] for one in found.against_first)


def test_only_settings_that_differ_are_listed(studio: User, tickets: Dataset, ended: Ended) -> None:
    plain = ended("plain", tickets, 20)
    changed = ended("changed", tickets, 20, settings={"learning_rate": 0.02, "r": 4}, instruction="Answer.")
    other = ended("other", tickets, 20, method="ia3")
    found = compared(studio, plain, changed, other).differing
    assert {one.key: one.values for one in found} == {
        "method": ["LoRA", "LoRA", "IA3"],
        "instruction": ["none", "Answer.", "none"],
        "learning_rate": ["0.002", "0.02", "0.03"],
        "r": ["16", "4", "–"],
    }
    again = ended("again", tickets, 20)
    assert compared(studio, plain, again).differing == []


@pytest.mark.parametrize("n", [0, 1, 7])
def test_two_to_six_runs_can_be_compared(studio: User, tickets: Dataset, ended: Ended, n: int) -> None:
    with pytest.raises(BadInput, match=f"Choose 2 to 6 runs, not {n}"):
        compared(studio, *[ended("run", tickets, 20)] * n)


def test_refusals_name_the_job(studio: User, tickets: Dataset, ended: Ended) -> None:
    one = ended("one", tickets, 20)
    evaluation = evaluations.submit(studio, models=["studio-nano"], dataset="tickets", name="scores")
    with pytest.raises(BadInput, match="“scores” is a job of the kind evaluation"):
        compared(studio, one, evaluation)
    with pytest.raises(BadInput, match="listed twice"):
        compared(studio, one, one)
    stranger = User(name="bo", created_at=0.0)
    with db.writing() as session:
        session.add(stranger)
    with pytest.raises(NotFound):
        compared(stranger, one, one)


def test_answers_of_earlier_versions_are_paired_if_they_agree_with_the_verdict(studio: User, tickets: Dataset) -> None:
    rows = datasets.rows(tickets, side="held_out")
    answers: list[dict[str, Any]] = [
        {"row": row["source_row"], "expected": row["label"], "base": "?", "adapted": row["label"] if i < 30 else "?",
         "change": "better" if i < 30 else "same"}
        for i, row in enumerate(rows)
    ]  # fmt: skip
    found = row_outcomes.of_answers(answers, verdict(30 / 40), tickets)
    assert found is not None
    assert found.right == [i < 30 for i in range(40)]
    assert found.side == outcomes(tickets, found.right).side  # type: ignore[arg-type]
    assert json.loads(found.model_dump_json())["n_tokens"] == [0] * 40
    assert row_outcomes.of_answers(answers, verdict(20 / 40), tickets) is None


def test_candidates_begin_with_the_run_and_those_on_the_same_rows(
    studio: User, tickets: Dataset, ended: Ended, store_dataset: Callable[..., Dataset]
) -> None:
    others = store_dataset("others", "classification", ROWS[20:], N_HELD_OUT)
    first, second, third = ended("first", tickets, 20), ended("second", others, 20), ended("third", tickets, 20)
    found = candidates.of_user(studio)
    assert [one.job.name for one in found] == ["third", "second", "first"]
    assert [one.job.id for one in candidates.beside(found, first)] == [first.id, third.id, second.id]
    assert second.id == found[1].job.id
