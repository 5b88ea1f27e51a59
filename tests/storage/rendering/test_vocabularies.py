"""Two tokenizers are the same if the same text becomes the same tokens, whatever the heads' sizes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from storage.rendering.vocabularies import difference


@pytest.fixture(scope="module")
def document(nano_folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((nano_folder / "tokenizer.json").read_bytes())
    return found


def test_the_same_file_in_older_writing_is_the_same(document: dict[str, Any]) -> None:
    older = copy.deepcopy(document)
    older["model"]["merges"] = [" ".join(merge) for merge in older["model"]["merges"]]
    older["post_processor"] = older["decoder"] = None
    assert difference(document, older) is None


def test_a_token_with_another_id_is_named(document: dict[str, Any]) -> None:
    other = copy.deepcopy(document)
    vocabulary = other["model"]["vocab"]
    one, another = [token for token in vocabulary if len(token) == 1][:2]
    vocabulary[one], vocabulary[another] = vocabulary[another], vocabulary[one]
    found = difference(document, other)
    assert found is not None
    assert one in found or another in found
    assert "4,862 of 4,864" in found


def test_other_merges_special_tokens_or_kinds_differ(document: dict[str, Any]) -> None:
    merged, special, kind, divided = (copy.deepcopy(document) for _ in range(4))
    merged["model"]["merges"].reverse()
    special["added_tokens"][0]["content"] = "<other>"
    kind["model"]["type"] = "Unigram"
    divided["pre_tokenizer"] = {"type": "Whitespace"}
    assert "different parts" in str(difference(document, merged))
    assert "<other>" in str(difference(document, special))
    assert "Unigram" in str(difference(document, kind))
    assert "different places" in str(difference(document, divided))
