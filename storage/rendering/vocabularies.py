"""Compares two models' tokenizers: whether the same text becomes the same tokens, with the same ids.

The size of a model's head says nothing about it: many families pad the head differently at each size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from storage.rendering import tokenizer_files
from storage.rendering.limited import Model
from storage.rendering.limited_process import Question
from storage.rendering.questions import LONG
from templates.errors import BadInput, Problem

FILE = "tokenizer.json"
SAME_WAY = ("normalizer", "pre_tokenizer")
"""Parts of a tokenizer that decide where a text is divided."""


@dataclass(frozen=True)
class Differs(Question[str | None]):
    """How the tokenizers of two models differ, as the end of a sentence; None if they don't."""

    limits = LONG
    kind = TypeAdapter(str | None)
    one: Model
    other: Model

    def answer(self) -> str | None:
        """Read both and compare. Raises `BadInput` if a tokenizer can't be read."""
        return difference(*(_document(model) for model in (self.one, self.other)))

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """What the answer depends on."""
        return {"one": self.one.key, "other": self.other.key}


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The same for the contents of two `tokenizer.json` files."""
    models = one.get("model") or {}, other.get("model") or {}
    kinds = tuple(model.get("type") for model in models)
    if kinds[0] != kinds[1]:
        return f"one splits words by {kinds[0]}, the other by {kinds[1]}"
    ids = tuple(_ids(model) for model in models)
    if ids[0] != ids[1]:
        return _first_difference(*ids)
    if _merges(models[0]) != _merges(models[1]):
        return "they put words together from different parts"
    added = tuple(_added(document) for document in (one, other))
    if added[0] != added[1]:
        return _first_difference(*added)
    if any(one.get(part) != other.get(part) for part in SAME_WAY):
        return "they divide a text in different places"
    return None


def _document(model: Model) -> Mapping[str, Any]:
    found = tokenizer_files.document(Path(model.folder), FILE)
    if not found:
        raise BadInput(Problem(f"“{model.name}” has no {FILE}.", remedy="Choose another model."))
    return found


def _ids(model: Mapping[str, Any]) -> dict[str, int]:
    """Token → id; Unigram lists tokens with scores, in the order of their ids."""
    vocabulary = model.get("vocab") or {}
    if isinstance(vocabulary, Mapping):
        return dict(vocabulary)
    return {str(entry[0]): place for place, entry in enumerate(vocabulary)}


def _merges(model: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Older files write a merge as one text, newer ones as a list of two."""
    merges = model.get("merges") or []
    return [tuple(merge.split(" ", 1)) if isinstance(merge, str) else tuple(merge) for merge in merges]


def _added(document: Mapping[str, Any]) -> dict[str, int]:
    return {str(token["content"]): int(token["id"]) for token in document.get("added_tokens") or []}


def _first_difference(one: Mapping[str, int], other: Mapping[str, int]) -> str:
    token = min((t for t in one.keys() | other.keys() if one.get(t) != other.get(t)), key=lambda t: (len(t), t))
    ids = [f"token {place[token]}" if token in place else "no token" for place in (one, other)]
    n_shared = sum(other.get(token) == number for token, number in one.items())
    return f"“{token}” is {ids[0]} in one and {ids[1]} in the other ({n_shared:,} of {len(one):,} tokens are the same)"
