"""Sample data made by the product's own programs: one file of `sets/` each, written to `templates/demo/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from templates import registry
from templates.discovery import specs
from templates.errors import BadInput, Problem
from templates.samples.sample import Sample

DEFAULT = "intents"
"""The set for a first try."""


@cache
def samples() -> Mapping[str, Sample]:
    """Every set by key, the default one first: a file in `sets/` registers by existing."""
    found = specs("templates.samples.sets", Sample)
    return {DEFAULT: found.pop(DEFAULT), **found}


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
