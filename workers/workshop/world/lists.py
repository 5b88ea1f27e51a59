"""The word lists of the small world, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def lists() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Group → list → its words, as `lists.toml` gives them."""
    with (_FOLDER / "lists.toml").open("rb") as file:
        groups = tomllib.load(file)
    return {
        group: {name: tuple(words.split() if isinstance(words, str) else words) for name, words in named.items()}
        for group, named in groups.items()
    }


def kinds() -> Mapping[str, tuple[str, ...]]:
    """Kind of thing → the words that name one; no word has two kinds."""
    return lists()["kinds"]


@cache
def values(name: str) -> tuple[str, ...]:
    """The words for a relation's values: those of a kind of thing, or a separate list."""
    return kinds().get(name) or lists()["values"][name]


@cache
def words() -> tuple[str, ...]:
    """Some four thousand common English words."""
    return tuple((_FOLDER / "words.txt").read_text(encoding="utf-8").split())


def with_article(word: str) -> str:
    """`a dog`, `an owl`: by the first letter, which is right for every word of the lists."""
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
