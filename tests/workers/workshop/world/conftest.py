"""The phrasings that the small world declares, and draws of it."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

import workers.workshop.world as world_package
from templates.spec.suite import Phrasing
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.facts import world
from workers.workshop.world.relations import relations


def phrases_in(value: Any) -> Iterator[Phrases]:
    """Every `Phrases` in a declaration, however deep."""
    if isinstance(value, Phrases):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from phrases_in(part)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from phrases_in([getattr(value, f.name) for f in dataclasses.fields(value)])


def _declared() -> Iterator[Phrases]:
    for found in pkgutil.walk_packages(world_package.__path__, f"{world_package.__name__}."):
        yield from phrases_in(list(vars(importlib.import_module(found.name)).values()))
    for found_relations in relations().values():
        for relation in found_relations:
            yield from (relation.statements, relation.questions)


@pytest.fixture(scope="session")
def every_phrases() -> list[Phrases]:
    return list(dict.fromkeys(_declared()))


@pytest.fixture
def drawn() -> Callable[..., Draw]:
    """Draws from a stream of its own."""

    def make(phrasing: Phrasing = "known", seed: str = "test") -> Draw:
        return Draw(Random(seed), world(), phrasing)

    return make
