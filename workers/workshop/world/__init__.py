"""The small invented world that the bundled models learn, and the abilities that they are taught."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import workers.workshop.world.abilities as _folder
from templates.discovery import specs
from workers.workshop.world.ability import AbilityGenerator

# Imported before the function with the same name, because a submodule's first import binds its name here.


@cache
def abilities() -> Mapping[str, AbilityGenerator]:
    """Every ability by key, in key order; a file in `abilities/` registers by existing."""
    return specs(_folder.__name__, AbilityGenerator)
