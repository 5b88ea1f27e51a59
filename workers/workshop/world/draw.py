"""Draws at random from the world, in the allowed phrasings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, TypeVar
from zlib import crc32

from templates.spec.suite import Phrasing
from workers.workshop.world import names
from workers.workshop.world.lists import words

if TYPE_CHECKING:
    from workers.workshop.world.facts import World

Item = TypeVar("Item")
_KEPT_FOR_THE_SUITE = 16
"""One short text in 16, by checksum, is reserved for the suite: no corpus of any size contains it."""


@dataclass(frozen=True)
class Phrases:
    """Ways to say the same: those of the corpus, and those that only the suite uses."""

    known: tuple[str, ...]
    held_out: tuple[str, ...]


class Draw:
    """Draws names, words and phrasings. The same seed gives the same draws in every process."""

    __slots__ = ("_uniform", "number", "phrasing", "random", "world")

    def __init__(self, random: Random, world: World, phrasing: Phrasing = "known", number: int | None = None):
        """`number` is an item's index in the suite, by which `fair` assigns labels; None in the corpus."""
        self.random = random
        self.world = world
        self.phrasing = phrasing
        self.number = number
        self._uniform = random.random

    def chance(self, share: float) -> bool:
        """True in `share` of the draws."""
        return self._uniform() < share

    def whole(self, first: int, last: int) -> int:
        """A whole number from `first` to `last`, both included."""
        return first + int(self._uniform() * (last + 1 - first))

    def choice(self, options: Sequence[Item]) -> Item:
        """One of `options`."""
        return options[int(self._uniform() * len(options))]

    def fair(self, options: Sequence[Item]) -> Item:
        """One of `options`; over the items of a suite, each equally often."""
        return self.choice(options) if self.number is None else options[self.number % len(options)]

    def sample(self, options: Sequence[Item], count: int) -> list[Item]:
        """`count` different ones of `options`, in random order."""
        rest = list(options)
        taken = []
        for _ in range(count):
            place = int(self._uniform() * len(rest))
            taken.append(rest[place])
            rest[place] = rest[-1]
            rest.pop()
        return taken

    def shuffled(self, options: Sequence[Item]) -> list[Item]:
        """All of `options`, in random order."""
        return self.sample(options, len(options))

    def apart(self, make: Callable[[], str]) -> str:
        """A text from `make`: one reserved for the suite if this is an item, else one that is not."""
        wanted = self.number is not None
        while True:
            text = make()
            if (crc32(text.encode("utf-8")) % _KEPT_FOR_THE_SUITE == 0) is wanted:
                return text

    def pick(self, *, known: Sequence[Item], held_out: Sequence[Item]) -> Item:
        """One of the options of this draw's phrasing."""
        return self.choice(known if self.phrasing == "known" else held_out)

    def phrase(self, phrases: Phrases) -> str:
        """One of the phrases of this draw's phrasing."""
        return self.pick(known=phrases.known, held_out=phrases.held_out)

    def any_phrase(self, phrases: Phrases) -> str:
        """A phrase of a text; where held-out phrases are allowed, they mix with known ones, as in real texts."""
        return self.choice(phrases.known if self.phrasing == "known" else phrases.known + phrases.held_out)

    def novel(self, kind: str) -> str:
        """A new name for an entity of `kind`: neither it nor its first word is a name of the world."""
        make, taken = names.MAKERS[kind], self.world.taken
        while True:
            name = make(self.random)
            if name not in taken and name.split(" ", 1)[0] not in taken:
                return name

    def known_name(self, kind: str) -> str:
        """The name of an entity of the world."""
        return self.choice(self.world.entities[kind])

    def name(self) -> str:
        """A new name of one word."""
        return self.novel("river")

    def word(self) -> str:
        """Mostly a common word, sometimes the name of a thing, sometimes an invented name."""
        chance = self._uniform()
        if chance < 0.6:
            return self.choice(words())
        if chance < 0.88:
            return self.choice(self.choice(self.world.things))
        return self.name()

    def different_words(self, count: int) -> list[str]:
        """`count` words, no two alike."""
        found: dict[str, None] = {}
        while len(found) < count:
            found[self.word()] = None
        return list(found)
