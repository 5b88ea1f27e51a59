"""Generates the general suite: items that are in no corpus, the same for every model."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from random import Random
from typing import Any, get_args

from templates.errors import StudioError
from templates.spec.suite import Phrasing
from templates.suites import general
from workers.workshop.world import abilities
from workers.workshop.world.ability import AbilityGenerator, Example
from workers.workshop.world.draw import Draw
from workers.workshop.world.facts import world

SEED = 1
N_ITEMS = 200
_TRIES = 100
"""Draws for one item after which an ability counts as exhausted."""


def items(n: int = N_ITEMS, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """`n` items of every ability in each phrasing, no two of which ask the same.

    Raises `StudioError` if an ability doesn't have that many different questions.
    """
    for key, ability in abilities().items():
        for phrasing in get_args(Phrasing):
            yield from _rows(key, ability, phrasing, n, seed)


def _rows(key: str, ability: AbilityGenerator, phrasing: Phrasing, n: int, seed: int) -> Iterator[dict[str, Any]]:
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


def _new(ability: AbilityGenerator, draw: Draw, seen: set[str]) -> Example | None:
    for _ in range(_TRIES):
        example = ability.question(draw)
        asked = json.dumps(example.messages[:-1])
        if asked not in seen:
            seen.add(asked)
            return example
    return None


def packed(n: int = N_ITEMS, seed: int = SEED) -> bytes:
    """The items in the format of the frozen file: the same bytes every time."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in items(n, seed))
    return gzip.compress(lines.encode("utf-8"), compresslevel=9, mtime=0)


def write() -> int:
    """Regenerate the frozen file; returns its number of items."""
    general.path().write_bytes(packed())
    return len(general.read())
