"""Generates the sample data in `templates/demo/`: one file of `sets/` for each set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import workers.workshop.samples.sets as _folder
from templates.discovery import specs
from templates.samples import FOLDER
from workers.workshop.samples import readme
from workers.workshop.samples.sample_set import SampleSet


@cache
def sample_sets() -> Mapping[str, SampleSet]:
    """Every set by key, in key order; a file in `sets/` registers by existing."""
    return specs(_folder.__name__, SampleSet)


def write() -> list[str]:
    """Regenerate every file and their README; returns the files' names."""
    names = []
    for sample_set in sample_sets().values():
        for name in sample_set.makers:
            (FOLDER / name).write_bytes(sample_set.content(name))
            names.append(name)
    readme.write()
    return names
