"""Versions: their names, where they came from, and what is different between two."""

from __future__ import annotations

import io

import pytest

from storage.data import datasets, uploads, versions
from storage.models import Dataset, User
from templates.errors import BadInput, Conflict

FILE = "text,label\n" + "".join(f"question {i},{'ab'[i % 2]}\n" for i in range(40))


@pytest.fixture
def cards(studio: User) -> Dataset:
    return datasets.add(studio, uploads.save(studio, "cards.csv", io.BytesIO(FILE.encode())), name="cards")


def without_first(user: User, parent: Dataset, name: str | None = None) -> Dataset:
    step = {"check": "exact_duplicates", "title": "Keep the first of each", "n_dropped": 1, "n_changed": 0}
    return versions.derive(user, parent, datasets.rows(parent)[1:], [step], name=name)


def test_a_version_takes_the_next_free_number(studio: User, cards: Dataset) -> None:
    second = without_first(studio, cards)
    assert second.name == "cards-v2"
    assert without_first(studio, cards).name == "cards-v3"
    assert without_first(studio, second).name == "cards-v4"
    long = datasets.rename(studio, "cards", "x" * 64)
    assert without_first(studio, long).name == "x" * 61 + "-v2"


def test_a_chosen_name_is_checked(studio: User, cards: Dataset) -> None:
    assert without_first(studio, cards, " clean ").name == "clean"
    with pytest.raises(Conflict, match="clean"):
        without_first(studio, cards, "clean")
    with pytest.raises(BadInput, match="name"):
        without_first(studio, cards, "../x")


def test_a_version_keeps_shape_split_labels_and_row_numbers(studio: User, cards: Dataset) -> None:
    made = without_first(studio, cards)
    assert datasets.rows(made) == datasets.rows(cards)[1:]
    assert (made.shape, made.labels, made.source_filename) == (cards.shape, ["a", "b"], "cards.csv")
    assert made.n_held_out == sum(row["held_out"] for row in datasets.rows(cards)[1:])
    assert made.sha256 != cards.sha256


def test_the_lineage_goes_back_to_the_file_and_survives_deletion(studio: User, cards: Dataset) -> None:
    second = without_first(studio, cards)
    third = without_first(studio, second)
    assert [one.id for one in versions.lineage(studio, third.name)] == [cards.id, second.id, third.id]
    assert [one.id for one in versions.children(studio, "cards")] == [second.id]
    datasets.delete(studio, second.name)
    assert [one.id for one in versions.lineage(studio, third.name)] == [cards.id, second.id, third.id]
    assert versions.children(studio, "cards") == []
    assert versions.since_parent(third) is not None
    assert versions.since_parent(cards) is None


def test_the_difference_names_dropped_changed_added_and_moved_rows(studio: User, cards: Dataset) -> None:
    rows = datasets.rows(cards)
    rows[3] = {**rows[3], "label": "c"}
    rows[5] = {**rows[5], "held_out": not rows[5]["held_out"]}
    made = versions.derive(studio, cards, rows[1:], [])
    found = versions.difference(studio, "cards", made.name)
    assert [row["source_row"] for row in found.dropped] == [rows[0]["source_row"]]
    (changed,) = found.changed
    assert (changed.row, changed.before["label"], changed.after["label"]) == (rows[3]["source_row"], "b", "c")
    assert found.moved == [rows[5]["source_row"]]
    assert found.n_same == 38
    back = versions.difference(studio, made.name, "cards")
    assert ([row["source_row"] for row in back.added], back.dropped) == ([rows[0]["source_row"]], [])


def test_datasets_of_two_files_have_no_difference(studio: User, cards: Dataset) -> None:
    other = FILE.replace("question", "query")
    datasets.add(studio, uploads.save(studio, "other.csv", io.BytesIO(other.encode())), name="other")
    with pytest.raises(BadInput, match="not versions of the same rows"):
        versions.difference(studio, "cards", "other")
