"""The small world that the bundled models are pretrained on, and the abilities measured in it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache

import templates.world.abilities as _folder
from templates.world.ability import Ability

# Imported before the function of its name is defined: a submodule's first import binds its name here.


@cache
def abilities() -> Mapping[str, Ability]:
    """Every ability by key, in the order of the keys: a file in `abilities/` registers by existing."""
    found: dict[str, Ability] = {}
    for info in sorted(pkgutil.iter_modules(_folder.__path__), key=lambda i: i.name):
        module = importlib.import_module(f"templates.world.abilities.{info.name}")
        spec = getattr(module, "SPEC", None)
        if not isinstance(spec, Ability):
            raise TypeError(f"templates/world/abilities/{info.name}.py must export SPEC, an Ability")
        if not module.__doc__:
            raise TypeError(f"templates/world/abilities/{info.name}.py needs a docstring: it says what is measured")
        found[info.name] = dataclasses.replace(
            spec,
            key=info.name,
            page=inspect.cleandoc(module.__doc__),
            item=spec.item or spec.make,
            parts=dict(spec.parts) or {info.name: str.strip},
        )
    return found
