"""Invented names, built from syllables, so that no name of the world exists in reality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from workers.workshop.world.lists import lists, words

_SOUNDS = lists()["sounds"]
_OPEN = tuple(
    s
    for s in (onset + vowel for onset in _SOUNDS["onsets"] for vowel in _SOUNDS["vowels"])
    if s not in _SOUNDS["coarse"]
)
_CLOSED = tuple(s + coda for s in _OPEN for coda in _SOUNDS["codas"])
_ENGLISH = frozenset(words())
_CITY_ENDINGS = ("", "", "", "", "", "ville", "ton", "burg", "dale", "stead")
_COUNTRY_ENDINGS = ("ia", "land", "ova", "stan", "ria", "mark", "onia", "nia", "esh")
_COMPANY_KINDS = ("Labs", "Group", "Works", "Foods", "Motors", "Systems", "Trading", "Press", "Brothers", "Tools")
_MODELS = tuple(str(n) for n in (*range(1, 10), *range(10, 100, 10)))


def syllables(random: Random) -> str:
    """A short meaningless word in lower case."""
    draw = random.random
    return _OPEN[int(draw() * len(_OPEN))] if draw() < 0.5 else _CLOSED[int(draw() * len(_CLOSED))]


def word(random: Random) -> str:
    """A one-word name that is not an English word: two or three syllables, the last more often closed."""
    draw = random.random
    while True:
        made = _OPEN[int(draw() * len(_OPEN))]
        if draw() < 0.15:
            made += _OPEN[int(draw() * len(_OPEN))]
        made += _CLOSED[int(draw() * len(_CLOSED))] if draw() < 0.6 else _OPEN[int(draw() * len(_OPEN))]
        if made not in _ENGLISH:
            return made.capitalize()


def _one_of(random: Random, options: tuple[str, ...]) -> str:
    return options[int(random.random() * len(options))]


def _person(random: Random) -> str:
    return f"{word(random)} {word(random)}"


def _city(random: Random) -> str:
    return word(random) + _one_of(random, _CITY_ENDINGS)


def _company(random: Random) -> str:
    return f"{word(random)} {_one_of(random, _COMPANY_KINDS)}"


def _product(random: Random) -> str:
    return f"{word(random)} {_one_of(random, _MODELS)}"


def country(random: Random) -> str:
    """The name of a country."""
    return word(random) + _one_of(random, _COUNTRY_ENDINGS)


MAKERS: Mapping[str, Callable[[Random], str]] = {
    "person": _person,
    "city": _city,
    "company": _company,
    "product": _product,
    "river": word,
}
"""Kind of entity → a new name for one."""
