"""The small world that the bundled models are pretrained on, and the abilities measured in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache

import templates.world.abilities as _folder
from templates.discovery import specs
from templates.world.ability import Ability

# Imported before the function of its name is defined: a submodule's first import binds its name here.


@cache
def abilities() -> Mapping[str, Ability]:
    """Every ability by key, in the order of the keys: a file in `abilities/` registers by existing."""
    found = specs(_folder.__name__, Ability)
    for key, ability in found.items():
        parts = dict(ability.parts) or {key: str.strip}
        found[key] = dataclasses.replace(ability, parts=parts)
    return found
