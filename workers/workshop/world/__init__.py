"""The small invented world that the bundled models learn, and what they are taught to do in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import workers.workshop.world.abilities as _folder
from templates.discovery import specs
from workers.workshop.world.ability import AbilityGenerator

# Imported before the function of its name is defined: a submodule's first import binds its name here.


@cache
def abilities() -> Mapping[str, AbilityGenerator]:
    """Every ability by key, in the order of the keys: a file in `abilities/` registers by existing."""
    return specs(_folder.__name__, AbilityGenerator)
