"""Which held-out rows count together."""

from __future__ import annotations

from typing import Any

import pytest

from storage.data.rows import resampled
from templates import registry

CLASSIFICATION, TEXT = registry.shape("classification"), registry.shape("text")
WORDS = ("apple", "banjo", "cedar", "delta", "ember", "fjord", "grape", "hotel", "igloo", "joker", "kayak", "lemon")


def row(text: str, label: str = "a", number: int = 1) -> dict[str, Any]:
    return {"text": text, "label": label, "source_row": number}


def sentence(word: str) -> str:
    return f"{word} {word[::-1]} {word * 2} from the {word} shop"


def test_nearly_equal_prompts_are_one_group_whatever_their_labels() -> None:
    rows = [row(sentence("apple")), row(sentence("banjo")), row(sentence("APPLE") + "!", "b"), row(sentence("banjo"))]
    found = resampled.grouping(CLASSIFICATION, rows)
    assert found.groups.tolist() == [0, 1, 0, 1]
    assert (found.n_groups, found.n_documents) == (2, 0)


def test_different_rows_and_numbers_stay_apart() -> None:
    rows = [row(f"where is my parcel number {n}, it should be here") for n in range(20)]
    assert resampled.grouping(CLASSIFICATION, rows).n_groups == 20
    assert resampled.grouping(CLASSIFICATION, []).n_groups == 0


def test_training_rows_tell_which_words_most_rows_share() -> None:
    rows = [row(f"please sort this message into one of the kinds: {word}") for word in WORDS]
    others = [row(f"please sort this message into one of the kinds: {word}{word}") for word in WORDS * 5]
    assert resampled.grouping(CLASSIFICATION, rows, others).n_groups == len(WORDS)


@pytest.mark.parametrize(("n_documents", "n_groups"), [(12, 12), (4, 60)])
def test_rows_of_one_document_count_together_if_there_are_enough(n_documents: int, n_groups: int) -> None:
    size = 60 // n_documents
    rows = [{"text": f"{WORDS[i % 12]} {i} {i * 31}", "source_row": i + 1} for i in range(60)]
    documents = [(size * i + 1, size * (i + 1)) for i in range(n_documents)]
    found = resampled.grouping(TEXT, rows, documents=documents)
    assert (found.n_documents, found.n_groups, found.by_document) == (n_documents, n_groups, n_groups == n_documents)
