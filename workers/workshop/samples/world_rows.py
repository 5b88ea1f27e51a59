"""Draws rows from the small world that the bundled models know."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from workers.workshop.world.ability import AbilityGenerator
from workers.workshop.world.draw import Draw
from workers.workshop.world.facts import world

Made = TypeVar("Made")


def draw(name: str) -> Draw:
    """Draws for the set `name`, in the phrasings of the corpus; only the suite uses the others."""
    return Draw(Random(f"sample {name}"), world())


def different(make: Callable[[], Made], key: Callable[[Made], str], taken: set[str]) -> Made:
    """The first draw of `make` whose key is not in `taken`; adds the key."""
    while True:
        made = make()
        if key(made) not in taken:
            taken.add(key(made))
            return made


def new_turn(ability: AbilityGenerator, draw: Draw, taken: set[str]) -> tuple[str, str]:
    """The first question of a conversation, and its answer; no question is repeated."""

    def turn() -> tuple[str, str]:
        question, answer = ability.make(draw).messages[:2]
        return question["content"], answer["content"]

    return different(turn, lambda made: made[0], taken)
