"""Suites: frozen questions with known answers that can score any model.

A suite's items don't come from user datasets: they are always the same everywhere, so that scores can be
compared across models, jobs and machines.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from storage.settings import settings
from templates import registry
from templates.errors import BadInput, Problem
from templates.spec import Ability, Family, SuiteItem
from templates.spec.suite import SPARE_TOKENS

PHRASINGS = ("known", "held_out")
SEED = 1
"""The seed of the items that show what was forgotten: every job gets the same ones, so that jobs can be compared."""


@dataclass(frozen=True)
class Suite:
    """Items, and the parts of an answer that count for each ability."""

    name: str
    items: tuple[SuiteItem, ...]
    abilities: Mapping[str, Ability]
    """The abilities of the items, by key."""
    spare_tokens: int = SPARE_TOKENS
    """Tokens by which an answer may exceed the expected one before it is cut off."""
    must_end: bool = True
    """Whether an answer that is cut off counts as wrong; otherwise its beginning is marked."""

    @cached_property
    def sha256(self) -> str:
        """A hash over the questions and expected answers, in this order."""
        lines = (json.dumps(dataclasses.asdict(item), sort_keys=True) for item in self.items)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def document(self) -> dict[str, object]:
        """The suite's facts in a result, including each ability's title, scores and chance."""
        abilities = {
            key: {"title": ability.title, "chance": ability.chance, "scores": list(ability.parts)}
            for key, ability in self.abilities.items()
        }
        return {"name": self.name, "sha256": self.sha256, "n_items": len(self.items), "abilities": abilities}

    def sample(self, n: int, seed: int) -> Suite:
        """At most `n` items per ability, spread evenly over its phrasings; the same for the same seed."""
        chosen: set[int] = set()
        for ability in self.abilities:
            left, places = n, [self._places(ability, phrasing) for phrasing in PHRASINGS]
            for i, found in enumerate(sorted(places, key=len)):  # the larger group makes up for the smaller one
                share = min(len(found), left // (len(places) - i))
                chosen.update(random.Random(f"{seed} {ability} {self._phrasing(found)}").sample(found, share))
                left -= share
        return dataclasses.replace(self, items=tuple(item for i, item in enumerate(self.items) if i in chosen))

    def _places(self, ability: str, phrasing: str) -> list[int]:
        return [i for i, item in enumerate(self.items) if (item.ability, item.phrasing) == (ability, phrasing)]

    def _phrasing(self, places: list[int]) -> str:
        return self.items[places[0]].phrasing if places else ""


def of(name: str, items: tuple[SuiteItem, ...], abilities: Mapping[str, Ability]) -> Suite:
    """A suite of these items. Raises `BadInput` when an ability is unknown or two give a score the same name."""
    asked = dict.fromkeys(item.ability for item in items)
    unknown = [key for key in asked if key not in abilities]
    if unknown:
        raise BadInput(f"The suite “{name}” uses unknown abilities: {', '.join(unknown)}.", code="bad_suite")
    scores = [score for key in asked for score in abilities[key].parts]
    twice = sorted({score for score in scores if scores.count(score) > 1})
    if twice:
        raise BadInput(f"The suite “{name}” has two scores called {', '.join(twice)}.", code="bad_suite")
    return Suite(name, items, {key: abilities[key] for key in asked})


def names() -> list[str]:
    """The names of all suites."""
    return list(registry.suites())


def problems(name: str) -> list[Problem]:
    """The problem with a request for the suite `name`: empty, or that it does not exist."""
    if name in registry.suites():
        return []
    return [Problem(f"there is no suite “{name}”.", field="suite", remedy=f"Known: {', '.join(names())}.")]


def of_base(source: str) -> str:
    """The name of the suite that shows what a base model from this source forgets."""
    family: Family = "bundled" if source == "bundled" else "others"
    return next(name for name, declared in registry.suites().items() if declared.forgetting_of == family)


def asked_of(name: str, n_items: int) -> Suite:
    """The items that show what a training made its base forget: `n_items` of each ability."""
    return get(name).sample(n_items, SEED)


def forgetting_items(method: str) -> int:
    """Items per ability used to measure forgetting; 0 for random weights, which have nothing to forget."""
    return 0 if registry.method(method).starts_anew else settings().forgetting_items


def get(name: str) -> Suite:
    """The suite of this name. Raises `BadInput` naming the known ones."""
    if wrong := problems(name):
        raise BadInput(*wrong)
    declared = registry.suites()[name]
    found = of(name, tuple(declared.read()), declared.abilities)
    return dataclasses.replace(found, spare_tokens=declared.spare_tokens, must_end=declared.must_end)
