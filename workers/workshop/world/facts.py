"""The small world: about two hundred entities with unique names, and a thousand facts about them.

One seed determines all of it. A sixth of the facts are only *stated* in the corpus, never asked: a model
that answers them has learned from reading, not from questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from workers.workshop.world import names
from workers.workshop.world.lists import kinds, values
from workers.workshop.world.relations import Relation, relations

SEED = 20260
_COUNTS = {"city": 40, "company": 40, "person": 120, "product": 40}
_N_COUNTRIES = 12
_N_RIVERS = 24


@dataclass(frozen=True)
class Fact:
    """One fact of the world."""

    relation: Relation
    subject: str
    value: str


@dataclass(frozen=True)
class World:
    """Entities and the facts about them."""

    entities: dict[str, tuple[str, ...]]
    """Kind → names."""
    countries: tuple[str, ...]
    about: dict[str, tuple[Fact, ...]]
    """Entity → its facts."""
    facts: tuple[Fact, ...]
    asked: tuple[Fact, ...]
    """Facts that the corpus states and asks."""
    stated: tuple[Fact, ...]
    """Facts that the corpus states and never asks."""
    taken: frozenset[str]
    """The names of the world and their first words, which no other name may repeat."""
    things: tuple[tuple[str, ...], ...]
    """The words for every kind of thing."""


def _names(random: Random) -> dict[str, tuple[str, ...]]:
    taken: set[str] = set()
    found: dict[str, tuple[str, ...]] = {}
    for kind, count in (*_COUNTS.items(), ("river", _N_RIVERS)):
        mine: list[str] = []
        while len(mine) < count:
            name = names.MAKERS[kind](random)
            if taken.isdisjoint(name.split()[:1]):
                taken.add(name.split()[0])
                mine.append(name)
        found[kind] = tuple(mine)
    return found


def _value(random: Random, relation: Relation, entities: dict[str, tuple[str, ...]], countries: tuple[str, ...]) -> str:
    if relation.numbers:
        return str(random.randint(*relation.numbers))
    if relation.source in entities:
        return random.choice(entities[relation.source])
    return random.choice(countries if relation.source == "country" else values(relation.source))


@cache
def world(seed: int = SEED) -> World:
    """The world from `seed`, the same in every process."""
    random = Random(f"world {seed}")
    entities = _names(random)
    countries = tuple(names.country(random) for _ in range(_N_COUNTRIES))
    about: dict[str, tuple[Fact, ...]] = {}
    for kind in _COUNTS:
        told = [relation for relation in relations()[kind] if relation.told]
        for subject in entities[kind]:
            about[subject] = tuple(Fact(r, subject, _value(random, r, entities, countries)) for r in told)
    facts = [fact for found in about.values() for fact in found]
    random.shuffle(facts)
    n_stated = len(facts) // 6
    everyone = [name for found in entities.values() for name in found]
    return World(
        entities=entities,
        countries=countries,
        about=about,
        facts=tuple(facts),
        asked=tuple(facts[n_stated:]),
        stated=tuple(facts[:n_stated]),
        taken=frozenset([*everyone, *(name.split()[0] for name in everyone)]),
        things=tuple(kinds().values()),
    )
