"""The selection side: drawn from the training side, the same rows each time, and never a held-out one."""

from __future__ import annotations

import io
from collections import Counter
from random import Random

import pytest

from storage.data import datasets, selection, splits, uploads, versions
from storage.models import Dataset, User
from templates import registry


def labelled(user: User, n_rows: int, name: str = "orders", seed: int = 42) -> Dataset:
    drawn = Random(7)
    words = ["".join(drawn.choices("abcdefghijklmnop", k=6)) for _ in range(400)]
    lines = [f"{' '.join(drawn.choices(words, k=8))},{'often' if i % 4 else 'seldom'}" for i in range(n_rows)]
    upload = uploads.save(user, "t.csv", io.BytesIO("\n".join(["text,label", *lines]).encode()))
    return datasets.add(user, upload, name=name, split=splits.Split(seed=seed))


def numbers(rows: list[dict[str, object]]) -> list[object]:
    return [row["source_row"] for row in rows]


def test_it_is_drawn_from_the_training_side_and_the_file_stays_as_it_was(studio: User) -> None:
    made = labelled(studio, 400)
    before = datasets.file(made).read_bytes()
    training, selected, held_out = (
        numbers(datasets.rows(made, side=side)) for side in ("training", "selection", "held_out")
    )
    assert len(selected) == 35
    assert set(selected) < set(training)
    assert not set(selected) & set(held_out)
    divided = datasets.divided(made)
    assert sorted([*numbers(divided.training), *numbers(divided.selection)]) == sorted(training)
    assert numbers(divided.training) == sorted(numbers(divided.training)), "in the order of the file"
    assert datasets.file(made).read_bytes() == before
    assert len(datasets.rows(made)) == 400


def test_asked_again_it_is_the_same_and_another_seed_draws_others(studio: User) -> None:
    made, other = labelled(studio, 300), labelled(studio, 300, name="other", seed=7)
    assert datasets.rows(made, side="selection") == datasets.rows(made, side="selection")
    assert numbers(datasets.rows(made, side="selection")) != numbers(datasets.rows(other, side="selection"))


def test_of_each_label_its_share_is_selected(studio: User) -> None:
    counts = Counter(row["label"] for row in datasets.rows(labelled(studio, 444), side="selection"))
    assert sum(counts.values()) == 39
    assert counts["seldom"] in (9, 10)


def test_nearly_equal_rows_stay_together(studio: User) -> None:
    drawn = Random(1)
    words = ["".join(drawn.choices("abcdefghijklmnop", k=6)) for _ in range(300)]
    texts = [" ".join(drawn.choices(words, k=12)) for _ in range(60)]
    lines = [f"{text}{end},{i % 2}" for end in ("", "!", " please") for i, text in enumerate(texts)]
    upload = uploads.save(studio, "t.csv", io.BytesIO("\n".join(["text,label", *lines]).encode()))
    divided = datasets.divided(datasets.add(studio, upload, name="orders"))
    stems = [
        {row["text"].rstrip("!").removesuffix(" please") for row in side}
        for side in (divided.training, divided.selection)
    ]
    assert divided.selection
    assert not stems[0] & stems[1]


def test_large_files_group_equal_rows_only(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "GROUPED_BYTES", 100)
    lines = [f"word {i // 2},{i % 3}" for i in range(120)]
    upload = uploads.save(studio, "t.csv", io.BytesIO("\n".join(["text,label", *lines]).encode()))
    divided = datasets.divided(datasets.add(studio, upload, name="words", mapping={"text": "text"}, shape="text"))
    assert divided.selection
    assert not {row["text"] for row in divided.training} & {row["text"] for row in divided.selection}


def test_a_version_selects_the_rows_that_it_still_has(studio: User) -> None:
    made = labelled(studio, 400)
    fewer = versions.derive(studio, made, datasets.rows(made)[5:], [])
    of_both = set(numbers(datasets.rows(made, side="selection"))) & set(numbers(datasets.rows(fewer, side="selection")))
    assert len(of_both) >= 33


@pytest.mark.parametrize(("n_training", "n"), [(0, 0), (1, 0), (2, 1), (9, 1), (10, 1), (200, 20), (9_000, 512)])
def test_a_tenth_is_selected_at_most_512_and_something_is_left_to_learn(n_training: int, n: int) -> None:
    assert splits.n_selected(n_training) == n


def test_a_single_training_row_is_left_to_learn(studio: User) -> None:
    upload = uploads.save(studio, "t.txt", io.BytesIO(b"first text\n\nsecond text\n"))
    made = datasets.add(studio, upload, name="two", shape="text")
    assert (made.n_rows, made.n_held_out) == (2, 1)
    divided = selection.divided(datasets.file(made), registry.shape("text"), made.split_seed)
    assert (len(divided.training), len(divided.selection)) == (1, 0)
