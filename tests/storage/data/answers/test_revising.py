"""Answers put back, removed and rewritten by hand: a new version, and nothing is lost."""

from __future__ import annotations

import pytest

from storage import blobs, files
from storage.data import datasets, versions
from storage.data.answers import dropped, revising
from storage.data.health import fixing, report
from storage.data.rows.rows import Rows
from storage.models import Dataset, User
from templates import registry
from templates.errors import BadInput
from tests.storage.data.answers import answered


@pytest.fixture
def made(studio: User) -> Dataset:
    return answered.add(studio)


def numbers(dataset: Dataset) -> list[int]:
    return [row["source_row"] for row in datasets.rows(dataset)]


def test_put_back_remove_and_rewrite(studio: User, made: Dataset) -> None:
    second = revising.revise(studio, "answers", put_back=[8], remove=[2], rewrite={1: " better ", 8: "good 8"})
    assert (second.name, second.parent_id, second.teacher) == ("answers-v2", made.id, made.teacher)
    assert numbers(second) == [1, 3, 4, 5, 6, 8]
    rows = {row["source_row"]: row for row in datasets.rows(second)}
    assert (rows[1]["completion"], rows[8]["completion"]) == ("better", "good 8")
    assert rows[8]["held_out"], "it stays on its prompt's side"
    assert [(one.number, one.filter) for one in dropped.of(second)] == [
        (2, "removed"),
        (7, "refusals"),
        (9, "exact_duplicates"),
    ]
    assert [(fix["title"], fix.get("n_added", 0), fix["n_dropped"], fix["n_changed"]) for fix in second.fixes] == [
        ("Put dropped answers back", 1, 0, 0),
        ("Remove answers", 0, 1, 0),
        ("Rewrite answers", 0, 0, 2),
    ]
    third = revising.revise(studio, "answers-v2", put_back=[2])
    assert numbers(third) == [1, 2, 3, 4, 5, 6, 8]
    assert numbers(made) == [1, 2, 3, 4, 5, 6], "the first version stays as it is"
    found = versions.difference(studio, "answers", "answers-v3")
    assert ([row["source_row"] for row in found.added], [one.row for one in found.changed], found.dropped) == (
        [8],
        [1],
        [],
    )


def test_pages_of_dropped_answers(made: Dataset) -> None:
    first = dropped.page(made, 0, 2)
    assert (first.n_answers, first.by_filter) == (3, {"exact_duplicates": 2, "refusals": 1})
    assert [one.number for one in first.answers] == [7, 8]
    assert [one.number for one in dropped.page(made, 2, 2).answers] == [9]
    assert [one.number for one in dropped.page(made, 0, 9, reason="refusals").answers] == [7]


def test_all_problems_at_once(studio: User, made: Dataset) -> None:
    with pytest.raises(BadInput) as refused:
        revising.revise(studio, "answers", put_back=[3, 99], remove=[7], rewrite={1: "  ", 9: "x"})
    assert [(one.field, one.row) for one in refused.value.problems] == [
        ("put_back", 3),
        ("put_back", 99),
        ("remove", 7),
        ("rewrite", 9),
        ("rewrite", 1),
    ]
    with pytest.raises(BadInput, match="Nothing would change"):
        revising.revise(studio, "answers", rewrite={1: "answer 1"})
    with pytest.raises(BadInput, match="No held-out row would be left"):
        revising.revise(studio, "answers", remove=[6])
    assert [one.name for one in datasets.of_user(studio)] == ["answers"]


def test_a_cleaned_copy_keeps_the_dropped_answers_and_the_teacher(studio: User, made: Dataset) -> None:
    spaced = revising.revise(studio, "answers", put_back=[7, 9], rewrite={7: "answer 1", 9: "answer 9"}, name="more")
    assert (len(dropped.of(spaced)), spaced.teacher) == (1, {"name": "m", "license": "mit"})
    with pytest.raises(BadInput, match="change nothing"):
        fixing.fix(studio, "more", ["exact_duplicates"])
    assert made.dropped_sha256
    assert not blobs.release(made.dropped_sha256), "a dataset refers to it"
    assert files.blob_path(made.dropped_sha256).is_file()


def test_nothing_dropped(studio: User) -> None:
    none = answered.add(studio, "all", n_dropped=0)
    assert (none.dropped_sha256, dropped.of(none), dropped.page(none, 0, 5).by_filter) == (None, [], {})
    removed = revising.revise(studio, "all", remove=[4])
    assert [one.number for one in dropped.of(removed)] == [4]


def test_several_answers_to_a_prompt_do_not_conflict_if_a_teacher_gave_them(studio: User, made: Dataset) -> None:
    shape = registry.shape("prompt_completion")
    rows = [
        {"prompt": f"question {n // 2}?", "completion": f"a long and different answer {n}", "source_row": n}
        for n in range(8)
    ]
    check = report.checks()["conflicting_answers"]
    assert check.find(Rows.of(shape, rows)) is not None
    assert check.find(Rows.of(shape, rows, is_sampled=True)) is None
    labels = [
        {"prompt": f"question {n // 2}?", "completion": "yes" if n % 3 else "no", "source_row": n} for n in range(60)
    ]
    assert check.find(Rows.of(shape, labels, is_sampled=True)) is not None, "labels conflict, whoever gave them"
