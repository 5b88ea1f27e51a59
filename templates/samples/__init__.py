"""Sample data made by the product's own programs: one file of `sets/` each, written to `templates/demo/`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache

import templates.samples.sets as _folder
from templates import registry
from templates.errors import BadInput, Problem
from templates.samples.sample import Sample

DEFAULT = "intents"
"""The set for a first try."""


@cache
def samples() -> Mapping[str, Sample]:
    """Every set by key, the default one first: a file in `sets/` registers by existing."""
    found: dict[str, Sample] = {}
    for name in sorted((info.name for info in pkgutil.iter_modules(_folder.__path__)), key=lambda n: (n != DEFAULT, n)):
        module = importlib.import_module(f"templates.samples.sets.{name}")
        spec = getattr(module, "SPEC", None)
        if not isinstance(spec, Sample):
            raise TypeError(f"templates/samples/sets/{name}.py must export SPEC, a Sample")
        if not module.__doc__:
            raise TypeError(f"templates/samples/sets/{name}.py needs a docstring: it says what is demonstrated")
        found[name] = dataclasses.replace(spec, key=name, page=inspect.cleandoc(module.__doc__))
    return found


def offered() -> Mapping[str, Sample]:
    """The sets that can be made datasets: those whose row shape exists."""
    return {key: sample for key, sample in samples().items() if sample.shape in registry.shapes()}


def sample(key: str) -> Sample:
    """The set `key`. Raises `BadInput` naming those that are offered."""
    if key not in offered():
        raise BadInput(
            Problem(f"“{key}” is no sample data.", field="sample", remedy=f"Choose one of: {', '.join(offered())}.")
        )
    return offered()[key]
