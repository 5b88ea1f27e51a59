"""The frozen suite of general abilities: items that are in no corpus, the same for every model.

`python -m templates.world suite` writes `general-suite.jsonl.gz` anew; a test holds that it is what
this program makes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, get_args

from templates.errors import StudioError
from templates.world import abilities
from templates.world.ability import Ability, Example
from templates.world.draw import Draw, Phrasing
from templates.world.facts import world

SEED = 1
N_ITEMS = 200


@dataclass(frozen=True)
class SuiteItem:
    """One item: what a model is given, and the answer that is expected of it."""

    ability: str
    phrasing: Phrasing
    messages: list[dict[str, str]]
    tools: list[dict[str, Any]]
    answer: str


_TRIES = 100
"""Draws for one item after which an ability counts as having nothing new left to ask."""


def items(n: int = N_ITEMS, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """`n` items of every ability in each phrasing, no two of which ask the same.

    Raises `StudioError` when an ability has not so many different things to ask.
    """
    for key, ability in abilities().items():
        for phrasing in get_args(Phrasing):
            yield from _rows(key, ability, phrasing, n, seed)


def _rows(key: str, ability: Ability, phrasing: Phrasing, n: int, seed: int) -> Iterator[dict[str, Any]]:
    random = Random(f"suite {seed} {key} {phrasing}")
    seen: set[str] = set()
    for number in range(n):
        example = _new(ability, Draw(random, world(), phrasing, number), seen)
        if example is None:
            raise StudioError(
                f"the ability “{key}” has only {number} different items in the phrasing “{phrasing}”.",
                remedy=f"Ask for {number} items or fewer.",
            )
        yield {
            "ability": key,
            "phrasing": phrasing,
            "messages": list(example.messages[:-1]),
            "tools": list(example.tools),
            "answer": example.answer,
        }


def _new(ability: Ability, draw: Draw, seen: set[str]) -> Example | None:
    for _ in range(_TRIES):
        example = ability.question(draw)
        asked = json.dumps(example.messages[:-1])
        if asked not in seen:
            seen.add(asked)
            return example
    return None


def path() -> Path:
    """The frozen file."""
    return Path(__file__).parent / "general-suite.jsonl.gz"


def packed(n: int = N_ITEMS, seed: int = SEED) -> bytes:
    """The items as the frozen file holds them: the same bytes every time."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in items(n, seed))
    return gzip.compress(lines.encode("utf-8"), compresslevel=9, mtime=0)


def write() -> int:
    """Write the frozen file anew; returns how many items it has."""
    path().write_bytes(packed())
    return len(read())


def read() -> list[SuiteItem]:
    """The frozen items. Raises `StudioError` when the file is missing or damaged."""
    try:
        lines = gzip.decompress(path().read_bytes()).decode("utf-8").splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise StudioError(
            f"the general suite can't be read: {error}.",
            remedy="Install the product again, or write it anew with “python -m templates.world suite”.",
        ) from error
    return [SuiteItem(**json.loads(line)) for line in lines]


@cache
def _parts() -> Mapping[str, Mapping[str, Callable[[str], str]]]:
    return {key: ability.parts for key, ability in abilities().items()}


def parts(ability: str) -> Mapping[str, Callable[[str], str]]:
    """Name of a score of `ability` → what of an answer is compared, given and expected alike."""
    return _parts()[ability]
